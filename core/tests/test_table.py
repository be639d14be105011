"""Tables on the command line."""

from anemoi.core.cli.table import print_table


def test_cells_stand_under_their_titles(capsys):
    print_table(("name", "state"), [("transformer", "ok"), ("gnn", ""), ("only",)])
    assert capsys.readouterr().out.splitlines() == ["NAME         STATE", "transformer  ok", "gnn", "only"]


def test_a_wide_cell_pushes_only_its_own_row(capsys):
    print_table(("a", "b"), [("12345678", "x"), ("1", "y")], widest=4)
    assert capsys.readouterr().out.splitlines() == ["A     B", "12345678  x", "1     y"]


def test_without_rows_the_titles_remain(capsys):
    print_table(("name", "state"), [])
    assert capsys.readouterr().out == "NAME  STATE\n"
