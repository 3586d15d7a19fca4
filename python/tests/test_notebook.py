"""The notebook in `examples/`, run from its first cell to its last."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed here")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed here")
for needed in "ipykernel", "matplotlib":
    pytest.importorskip(needed, reason=f"{needed} is not installed here")

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_article_runs(tmp_path):
    notebook = nbformat.read(EXAMPLES / "article.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        (cell.source, kind)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for kind in output.get("data", {output.get("name"): None})
    ]
    # The network as its drawing, climbs as their figures, and nothing on stderr.
    assert any(source.endswith("network") and kind == "text/html" for source, kind in shown)
    climbs = [source for source, kind in shown if source.startswith("network.climb") and kind == "image/png"]
    assert len(climbs) == 7
    assert not [source for source, kind in shown if kind == "stderr"]
