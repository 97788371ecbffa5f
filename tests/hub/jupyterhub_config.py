"""A hub for two people: dummy login, simple spawner, all below one folder."""

import os
from pathlib import Path

here = Path(os.environ["HUB_FOLDER"])
port, hub_port, proxy_port = os.environ["HUB_PORTS"].split()

c = get_config()  # noqa: F821  # given by traitlets
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = str(here / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{here}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(here / "cookie_secret")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(here / "{username}")
c.Spawner.args = [
    "--allow-root",
    "--ServerApp.jpserver_extensions=pf_jupyter=True",
]
c.Spawner.environment = {
    "DOCKER_HOST": os.environ["DOCKER_HOST"],
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
c.Spawner.start_timeout = c.Spawner.http_timeout = 200
c.JupyterHub.services = [{"name": "tests", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "tokens"],
    }
]
