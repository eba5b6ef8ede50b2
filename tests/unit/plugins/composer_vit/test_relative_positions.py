import torch

from composer_vit.relative_positions import look_up_distances, resize_table, score_positions


def test_a_distance_is_that_of_the_query_from_the_key():
    table = torch.arange(-3.0, 4)[:, None]
    found = look_up_distances(table, 4, 4)[..., 0]
    wanted = [[query - key for key in range(4)] for query in range(4)]
    assert torch.equal(found, torch.tensor(wanted).float())


def test_distances_of_coarser_keys_are_those_in_the_grid_of_the_queries():
    table = torch.arange(7.0)[:, None]
    assert look_up_distances(table, 4, 2)[..., 0].tolist() == [[2, 0], [3, 1], [4, 2], [5, 3]]


def test_a_table_keeps_its_ends_where_it_is_made_longer():
    table = torch.linspace(-1, 1, 5)[:, None]
    longer = resize_table(table, 11)
    assert longer.shape == (11, 1)
    assert longer[0] == -1
    assert longer[-1] == 1
    assert longer[5] == 0
    assert (longer.diff(dim=0) >= 0).all()
    assert resize_table(table, 5) is table


def test_scores_are_products_of_queries_with_the_vectors_of_distances():
    queries, rows, columns = torch.rand(2, 3, 4, 5), torch.rand(5, 5), torch.rand(7, 5)
    by_row, by_column = score_positions(queries, rows, columns, (3, 4))
    assert by_row.shape == (2, 3, 4, 3)
    assert by_column.shape == (2, 3, 4, 4)
    torch.testing.assert_close(by_row[1, 2, 3, 0], queries[1, 2, 3] @ rows[2 - 0 + 2])
    torch.testing.assert_close(by_column[0, 1, 2, 3], queries[0, 1, 2] @ columns[2 - 3 + 3])
