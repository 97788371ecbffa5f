"""Stand-ins for what only the real promptflow packages can do."""

from promptflow.exceptions import UserErrorException


class NotAvailableError(UserErrorException):
    """Something of promptflow that is not part of the compatible package was used."""


def unavailable(name, package):
    """Return a class under ``name`` that tells, when used, which package has it."""

    def refuse(*args, **kwargs):
        raise NotAvailableError(
            f"{name} is part of the package '{package}', which this runtime does not "
            f"have; %pfruntime install {package}"
        )

    def new(cls, *args, **kwargs):
        return refuse()

    return type(
        name.rsplit(".", 1)[-1],
        (),
        {
            "__new__": new,
            "__doc__": f"Stands for {name} of the package {package}.",
            "__module__": "promptflow",
            "load": staticmethod(refuse),
            "from_source": staticmethod(refuse),
            "create": staticmethod(refuse),
        },
    )
