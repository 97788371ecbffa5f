"""Metrics of aggregation nodes; without a collector they go nowhere."""

_collectors = []


def log_metric(key, value, variant_id=None):
    """Log one metric of the run; the last value of a key counts."""
    for collector in list(_collectors):
        collector(key, value)


log_flow_metric = log_metric


def add_metric_logger(logger_func):
    """Have ``logger_func(key, value)`` called for every metric."""
    if logger_func not in _collectors:
        _collectors.append(logger_func)


def remove_metric_logger(logger_func):
    """Undo `add_metric_logger`."""
    _collectors.remove(logger_func)
