"""Where the decorator and the metrics live."""
