"""What MkDocs does beyond docs/*.md: pages from the rest of the repository, and an API page a room of the package.

Links that lead out of docs/ are right on GitHub. On the site they lead to the page that was made from the file, those
to a module of the package to its place in the API, and all others to GitHub.
"""

import functools
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "colabs/README.md": "colabs.md",
    "benchmarks/RESULTS.md": "RESULTS.md",
}
"""Markdown files outside docs/, and their names on the site."""
IMAGES = (".png", ".svg")
_LINK = re.compile(r"(\]\(\s*|\b(?:src|href)=\")([^)\s\"]+)")


def on_config(config: Any) -> Any:
    """Appends the API pages to the navigation."""
    list_rooms.cache_clear()  # `mkdocs serve` builds again where a module has come
    if not any("API" in section for section in config.nav):
        config.nav.append({"API": [{name: f"api/{name}.md"} for name in list_rooms()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are not in docs/, and the pictures that are shown from elsewhere."""
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=redirect_links(text, source, name, config.repo_url)))
    for image in list_images():
        files.append(File(image, str(ROOT), config.site_dir, config.use_directory_urls))
    for name, modules in list_rooms().items():
        files.append(File.generated(config, f"api/{name}.md", content=write_api_page(name, modules)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Redirects the links of a page of docs/."""
    uri = page.file.src_uri
    if uri in PAGES.values() or uri.startswith("api/"):
        return markdown
    return redirect_links(markdown, f"docs/{uri}", uri, config.repo_url)


def list_images() -> list[str]:
    """Lists the pictures outside docs/ that a page shows, as paths in the repository."""
    images = set()
    for path in [*(ROOT / "docs").glob("*.md"), *map(ROOT.joinpath, PAGES)]:
        for _, target in _LINK.findall(path.read_text(encoding="utf-8")):
            place = posixpath.normpath(posixpath.join(path.parent.relative_to(ROOT).as_posix(), target))
            if place.endswith(IMAGES) and not place.startswith("docs/") and (ROOT / place).is_file():
                images.add(place)
    return sorted(images)


@functools.cache
def list_rooms() -> dict[str, list[str]]:
    """Lists the rooms of the package, the modules beside them under 'affect_jax', and launch; each with its modules."""
    rooms: dict[str, list[str]] = {}
    files = [*(ROOT / "affect_jax").rglob("*.py"), *(ROOT / "launch").glob("*.py")]
    for path in sorted(files):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__main__":
            continue
        if parts[-1] == "__init__":
            parts.pop()
        inside = parts[0] == "affect_jax" and (len(parts) > 2 or path.name == "__init__.py" and len(parts) == 2)
        rooms.setdefault(parts[1] if inside else parts[0], []).append(".".join(parts))
    return dict(sorted(rooms.items(), key=lambda room: (room[0] == "launch", room[0])))


def write_api_page(name: str, modules: list[str]) -> str:
    """Writes the page of a room: its modules, to be filled by mkdocstrings.

    Of a package that only re-exports, its docstring is enough: what it re-exports stands at the module that defines it.
    """
    sections = []
    for module in modules:
        package = ROOT.joinpath(*module.split("."), "__init__.py")
        only_docstring = package.is_file() and not re.search(r"^(def|class) ", package.read_text(), re.MULTILINE)
        sections.append(f"::: {module}" + ("\n    options: {members: false}" if only_docstring else ""))
    return "\n\n".join([f"# {name}", *sections]) + "\n"


def redirect_links(text: str, source: str, name: str, repository: str) -> str:
    """Rewrites the links of a Markdown text for the site.

    Args:
      text: the page.
      source: its path in the repository, which its links are relative to.
      name: its path on the site.
      repository: the address of the project, for what the site has no page of.
    """

    def redirect(match: re.Match[str]) -> str:
        return match[1] + _redirect(match[2], source, name, repository)

    # Links inside code are examples.
    blocks = re.split(r"(^```.*?^```$|`[^`\n]+`)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(block if index % 2 else _LINK.sub(redirect, block) for index, block in enumerate(blocks))


def _redirect(target: str, source: str, name: str, repository: str) -> str:
    if re.match(r"[a-z]+:|#", target):
        return target
    path, hash_sign, anchor = target.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if path in PAGES:
        place = PAGES[path]
    elif path.startswith("docs/"):
        place = path.removeprefix("docs/")
    elif path.endswith(IMAGES) and (ROOT / path).is_file():
        place = path
    elif path.endswith(".py") and (room := _find_room(path)):
        place, hash_sign, anchor = f"api/{room[0]}.md", "#", room[1]
    else:
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{repository}/{kind}/main/{path}{hash_sign}{anchor}"
    return f"{posixpath.relpath(place, posixpath.dirname(name) or '.')}{hash_sign}{anchor}"


def _find_room(path: str) -> tuple[str, str] | None:
    """The API page and the module of a file of the package."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return next(((name, module) for name, modules in list_rooms().items() if module in modules), None)
