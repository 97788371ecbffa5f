"""Registers that tool packages call when they are imported; nothing reads them here."""


def register_builtins(cls):
    """Return the class."""
    return cls


def register_apis(cls):
    """Return the class."""
    return cls


def register_connections(connection_classes):
    """Take a class or a list of classes."""
    return connection_classes


def register_builtin_method(provider_method, *args, **kwargs):
    """Return the method."""
    return provider_method


def register_api_method(provider_method, *args, **kwargs):
    """Return the method."""
    return provider_method
