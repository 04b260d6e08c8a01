"""Pages of Git repositories, and the files behind them."""

import pytest

from workflows.catalog.addresses import of_call, of_function

RAW = "https://raw.githubusercontent.com"
LOG = "functions/log/1.0.0/function.yaml"
COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("catalog", "addresses"),
    [
        ("https://files.example/c", [f"https://files.example/c/{LOG}"]),
        ("https://files.example/c/?key=1", [f"https://files.example/c/{LOG}?key=1"]),
        (
            "https://github.com/serverlessworkflow/catalog/tree/main",
            [
                f"{RAW}/serverlessworkflow/catalog/refs/{kind}/main/{LOG}"
                for kind in ("heads", "tags")
            ],
        ),
        ("https://github.com/a/b", [f"{RAW}/a/b/HEAD/{LOG}"]),
        ("https://github.com/a/b.git", [f"{RAW}/a/b/HEAD/{LOG}"]),
        (f"https://github.com/a/b/tree/{COMMIT}/c/d/", [f"{RAW}/a/b/{COMMIT}/c/d/{LOG}"]),
        ("https://gitlab.com/a/b/c", [f"https://gitlab.com/a/b/c/-/raw/HEAD/{LOG}"]),
        (
            "https://git.plant.example/a/b/-/tree/main/c",
            [f"https://git.plant.example/a/b/-/raw/main/c/{LOG}"],
        ),
        ("https://raw.githubusercontent.com/a/b/main", [f"{RAW}/a/b/main/{LOG}"]),
    ],
)
def test_a_function_of_a_catalogue_is_where_the_language_says(
    catalog: str, addresses: list[str]
) -> None:
    assert of_function(catalog, "log", "1.0.0") == addresses


@pytest.mark.parametrize(
    ("call", "addresses"),
    [
        (f"{RAW}/a/b/main/{LOG}", [f"{RAW}/a/b/main/{LOG}"]),
        (
            "https://github.com/myorg/functions/validate@v1.0.0",
            [
                f"{RAW}/myorg/functions/refs/{kind}/v1.0.0/validate/function.yaml"
                for kind in ("heads", "tags")
            ],
        ),
        ("https://files.example/f", ["https://files.example/f/function.yaml"]),
        ("https://files.example/f.json", ["https://files.example/f.json"]),
    ],
)
def test_a_function_is_called_by_its_address_or_that_of_its_folder(
    call: str, addresses: list[str]
) -> None:
    assert of_call(call) == addresses
