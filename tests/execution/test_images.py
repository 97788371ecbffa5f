"""Images and annotated text: in, through prompts, and out (flow-format 2.7, 2.9)."""

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pf_jupyter.worker.execution import fetching
from pf_jupyter.worker.execution.images import prompt_images

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
DATA = base64.b64decode(PIXEL)
URI = f"data:image/png;base64,{PIXEL}"
SHOW = """
    @tool
    def show(x):
        return [type(x).__name__, str(x), getattr(x, "_mime_type", None), x == DATA]
""".replace("DATA", repr(DATA))
GIVE = "@tool\ndef give(x):\n    return x\n"
SEEN = ["Image", "Image(4a5eb717)"]


@pytest.fixture
def image(flow):
    flow.takes("q", "image")
    flow.python("n", SHOW, x="${inputs.q}")
    flow.gives("out", "${n.output}")
    (flow.folder / "p.png").write_bytes(DATA)
    return flow


@pytest.mark.parametrize(
    ("given", "mime"),
    [
        ({"data:image/png;base64": PIXEL}, "image/png"),
        ({"data:image/jpg;base64": URI}, "image/jpg"),
        ({"data:image/*;path": "p.png"}, "image/*"),
        (PIXEL, "image/png"),
        (URI, "image/png"),
        ("p.png", "image/png"),
    ],
)
def test_every_form_of_an_image_input(image, given, mime):
    assert image.outputs(q=given) == {"out": [*SEEN, mime, True]}


@pytest.mark.parametrize(
    ("given", "mime"),
    [
        ({"type": "image_url", "image_url": {"url": URI}}, "image/png"),
        ({"type": "image_url", "image_url": {"url": PIXEL}}, "image/png"),
        ({"type": "image_file", "image_file": {"path": "p.png"}}, "image/png"),
    ],
)
def test_every_form_of_the_vision_format(image, given, mime):
    image.flow.message_format = "openai-vision"
    assert image.outputs(q=given) == {"out": [*SEEN, mime, True]}
    image.flow.message_format = "basic"
    assert image.failure(q=given)["code"] == "LoadMultimediaDataError"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "is empty"),
        (None, "NoneType is no image"),
        (5, "int is no image"),
        ("no.png", "FileNotFoundError"),
        ({"data:image/png;path": "no.png"}, "FileNotFoundError"),
        ({"data:image/png;base64": "!!"}, "no base64"),
        ({"data:image/png;nope": "p.png"}, "is written as"),
        ({"data:image/png;path": "p.png", "more": 1}, "is written as"),
        ({"data:image/png;url": "file:///p.png"}, "only http and https"),
    ],
)
def test_what_is_no_image_is_refused(image, given, told):
    error = image.failure(q=given)
    assert error["codes"] == ["UserError", "LoadMultimediaDataError"]
    assert "Failed to load image for input 'q'" in error["message"]
    assert told in error["message"]
    assert error["hint"]


def test_an_image_input_may_be_a_list_and_have_a_default(image):
    image.python("m", GIVE, x="${inputs.q}")
    image.takes("q", "image", {"data:image/png;path": "p.png"})
    assert image.outputs()["out"][0] == "Image"
    assert image.outputs(q=[PIXEL, "p.png"])["out"][0] == "list"
    assert image.run(inputs={"q": [PIXEL]})["nodes"]["m"]["status"] == "Completed"


@pytest.mark.parametrize("text", [False, True])
def test_lists_and_objects_are_searched(flow, text):
    flow.takes("rows", "list")
    flow.takes("thing", "object")
    body = "@tool\ndef n(r, t):\n    return [type(r[0]).__name__, type(t['a'][0]['b'])."
    flow.python("n", f"{body}__name__]\n", r="${inputs.rows}", t="${inputs.thing}")
    flow.gives("out", "${n.output}")
    one = {"data:image/png;base64": PIXEL}
    given = {"rows": [one, PIXEL], "thing": {"a": [{"b": one}]}}
    if text:
        given = {name: json.dumps(value) for name, value in given.items()}
    assert flow.outputs(**given) == {"out": ["Image", "Image"]}


def test_strings_and_plain_lists_are_left_alone(flow):
    flow.takes("rows", "list")
    flow.takes("text", "string")
    body = "@tool\ndef n(r, t):\n    return [type(r[0]).__name__, type(t).__name__]\n"
    flow.python("n", body, r="${inputs.rows}", t="${inputs.text}")
    flow.gives("out", "${n.output}")
    assert flow.outputs(rows=[PIXEL], text=PIXEL) == {"out": ["str", "str"]}


def test_annotated_text_of_the_vision_format(flow):
    flow.flow.message_format = "openai-vision"
    flow.takes("q", "list")
    flow.python("n", GIVE, x="${inputs.q}")
    flow.python("kinds", "@tool\ndef k(x):\n    return [type(i).__name__ for i in x]\n")
    flow.flow.node("kinds").inputs["x"] = "${inputs.q}"
    flow.gives("out", "${n.output}")
    flow.gives("kinds", "${kinds.output}")
    parts = [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": {"value": "v", "annotations": [1]}},
        {"type": "other"},
    ]
    assert flow.outputs(q=parts) == {"out": parts, "kinds": ["Text", "Text", "dict"]}


@pytest.mark.parametrize(
    ("annotation", "literal", "kind"),
    [
        ("Image", "p.png", "Image"),
        ("Image", PIXEL, "Image"),
        ("Image", {"data:image/png;path": "p.png"}, "Image"),
        ("dict", {"data:image/png;path": "p.png"}, "Image"),
        ("list", [{"data:image/png;path": "p.png"}], "list"),
        ("str", {"data:image/png;path": "p.png"}, "str"),
    ],
)
def test_literals_of_the_flow_file(flow, annotation, literal, kind):
    (flow.folder / "p.png").write_bytes(DATA)
    flow.python(
        "n",
        "from promptflow.contracts.multimedia import Image\n"
        f"@tool\ndef n(x: {annotation}):\n    return type(x).__name__\n",
        x=literal,
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": kind}


def test_a_literal_image_that_is_not_there_keeps_the_flow_from_running(flow):
    imported = "from promptflow.contracts.multimedia import Image\n"
    flow.python("n", imported + "@tool\ndef n(x: Image): ...", x="gone.png")
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["codes"][-1] == "NodeInputValidationError"
    assert "gone.png" in error["message"]


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("![image]({{a}})\n![ image ]( {{ b }} )", {"a", "b"}),
        ("![picture]({{a}}) [image]({{b}}) {{c}}", set()),
    ],
)
def test_variables_that_a_prompt_shows_as_images(template, names):
    assert prompt_images(template) == names


def test_images_in_prompts(flow):
    (flow.folder / "p.png").write_bytes(DATA)
    flow.takes("q", "image")
    text = "see\n![image]({{a}})\n{{b}} ![image]({{c}})"
    literal = {"data:image/png;path": "p.png"}
    flow.prompt("p", text, a="p.png", b=literal, c="${inputs.q}")
    flow.gives("out", "${p.output}")
    shown = "![image](Image(4a5eb717))"
    assert flow.outputs(q=PIXEL) == {"out": f"see\n{shown}\n{literal} {shown}"}
    flow.flow.node("p").inputs["a"] = "gone.png"
    error = flow.failure(q=PIXEL)
    assert (error["code"], error["codes"][-1]) == (
        "ResolveToolError",
        "FileNotFoundError",
    )


def test_images_in_results_become_paths_and_their_bytes_come_along(image):
    image.flow.nodes.clear()
    image.python("n", GIVE, x="${inputs.q}")
    image.python("again", "@tool\ndef a(x):\n    return {'k': [x, 'x']}\n")
    image.flow.node("again").inputs["x"] = "${n.output}"
    image.gives("both", "${again.output}")
    result = image.run(inputs={"q": PIXEL})
    (path,) = result["outputs"]["out"].values()
    assert path.startswith(".promptflow/output/")
    assert path.endswith(".png")
    assert result["outputs"] == {
        "out": {"data:image/png;path": path},
        "both": {"k": [{"data:image/png;path": path}, "x"]},
    }
    (record,) = result["nodes"]["n"]["inputs"]["x"].values()
    assert record.startswith(".promptflow/intermediate/")
    assert result["nodes"]["n"]["output"] == {"data:image/png;path": record}
    assert result["artifacts"] == {path: PIXEL, record: PIXEL}


def test_images_in_results_of_the_vision_format(image):
    image.flow.message_format = "openai-vision"
    body = """
        from promptflow.contracts.multimedia import Image, Text
        @tool
        def n(x):
            url = "https://example.org/x.png"
            odd = Image(b"?", "image/../../x")
            return [x, Image(b"x", "image/png", source_url=url), Text("t"), odd]
    """
    image.flow.nodes.clear()
    image.python("n", body, x="${inputs.q}")
    first, second, third, fourth = image.outputs(q=PIXEL)["out"]
    assert first["type"] == "image_file"
    assert first["image_file"]["path"].endswith(".png")
    url = "https://example.org/x.png"
    assert second == {"type": "image_url", "image_url": {"url": url}}
    assert third == {"type": "text", "text": "t"}
    assert ".." not in fourth["image_file"]["path"]


def test_a_flow_without_images_has_no_artifacts(flow):
    flow.python("n", GIVE, x="a")
    assert "artifacts" not in flow.run()


def test_an_image_is_its_bytes(image):
    image.flow.nodes.clear()
    body = """
        @tool
        def n(x):
            same = hash(x[0]) == hash(bytes(x[0]))
            return [len({*x}), x[0] == x[1], len(x[0]), same]
    """
    image.python("n", body, x="${inputs.q}")
    assert image.outputs(q=[PIXEL, "p.png"]) == {"out": [1, True, len(DATA), True]}


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *(
            "::1",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "224.0.0.1",
        ),
        *("100.64.0.1", "localhost", "2130706433", "0x7f.1"),
    ],
)
def test_private_addresses_are_not_fetched(image, host):
    shown = f"[{host}]" if ":" in host else host
    error = image.failure(q=f"http://{shown}:9/x.png")
    assert error["code"] == "LoadMultimediaDataError"
    assert "not a public address" in error["message"]


def test_a_name_with_a_private_address_among_others_is_refused(monkeypatch):
    answers = [(2, 1, 6, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(
        fetching.socket, "getaddrinfo", lambda *args, **more: answers[:used]
    )
    used = 1
    assert fetching.public_address("example.org", 80) == "93.184.216.34"
    used = 2
    with pytest.raises(fetching.FetchError, match="not a public address"):
        fetching.public_address("example.org", 80)


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        found = {"/p.png": 200, "/moved": 302, "/loop": 302}.get(self.path, 404)
        self.send_response(found)
        if found == 302:
            target = "/p.png" if self.path == "/moved" else "/loop"
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(DATA) if found == 200 else 0))
        self.end_headers()
        self.wfile.write(DATA if found == 200 else b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv(fetching.ALLOW_PRIVATE, "true")
    with HTTPServer(("127.0.0.1", 0), Server) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_images_from_the_web_keep_their_url(image, server):
    image.flow.nodes.clear()
    image.python("n", GIVE, x="${inputs.q}")
    url = f"{server}/moved"
    assert image.outputs(q=url) == {"out": {"data:image/png;url": url}}
    given = {"data:image/gif;url": f"{server}/p.png"}
    assert image.outputs(q=given) == {"out": given}


@pytest.mark.parametrize(
    ("path", "told"), [("/gone", "answers 404"), ("/loop", "too many redirections")]
)
def test_what_the_web_does_not_give(image, server, path, told):
    assert told in image.failure(q=server + path)["message"]


def test_too_much_from_the_web(image, server, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_BYTES", 10)
    assert "larger than" in image.failure(q=f"{server}/p.png")["message"]
    with pytest.raises(fetching.FetchError, match="takes longer"):
        fetching._body(io.BytesIO(b"x"), 0.0)
