from typing import Dict, List

from promptflow.core import tool


@tool
def prepare_examples() -> List[Dict[str, str]]:
    return [
        {
            "category": "App",
            "text": "download install free version for your phone, in-app purchases, "
            "ratings, updates, offline mode, developer, store",
        },
        {
            "category": "Channel",
            "text": "subscribe to the channel, new videos every week, episodes, "
            "subscribers, watch, playlist, live stream",
        },
        {
            "category": "Academic",
            "text": "abstract, we propose a method, experiments show, references, "
            "paper, journal, authors, university, results",
        },
        {
            "category": "Movie",
            "text": "film directed by, starring, runtime minutes, plot, cast, "
            "in cinemas, review, scene, director",
        },
        {
            "category": "Profile",
            "text": "I am, my work, about me, experience, skills, contact me, "
            "portfolio, lives in, hobbies",
        },
    ]
