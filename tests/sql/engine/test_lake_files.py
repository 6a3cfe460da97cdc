"""The files of a lake are out of reach while it commits, and only then."""

from pathlib import Path

import pytest

from sql.engine.lake_files import hidden_folder, link_of, make_link
from sql.errors import WarehouseError


def test_a_folder_is_reached_by_its_link_but_not_while_it_is_hidden(tmp_path: Path) -> None:
    folder, link = tmp_path / "lake", link_of(str(tmp_path / "lake"), tmp_path / "links")
    make_link(str(folder), link)
    (folder / "file").touch()
    with hidden_folder(link):
        assert not (link / "file").exists()
        assert (folder / "file").exists()
    assert (link / "file").exists()


def test_an_error_shows_the_folder_again(tmp_path: Path) -> None:
    link = link_of(str(tmp_path / "lake"), tmp_path / "links")
    make_link(str(tmp_path / "lake"), link)
    with pytest.raises(RuntimeError), hidden_folder(link):
        raise RuntimeError
    assert link.exists()


def test_links_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    gone = links / "999999999-0123456789abcdef"
    gone.symlink_to(tmp_path)
    make_link(str(tmp_path / "lake"), link_of(str(tmp_path / "lake"), links))
    assert not gone.is_symlink()
    assert tmp_path.exists()


def test_a_link_that_is_gone_is_one_sentence_before_anything_is_committed(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="Nothing was committed"), hidden_folder(tmp_path / "links" / "1-a"):
        pytest.fail("it was committed")
