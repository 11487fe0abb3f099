from prices import total


def test_a_basket_costs_what_is_in_it():
    assert total({"tea": 2, "pot": 1}) == 4800


def test_an_empty_basket_costs_nothing():
    assert total({}) == 0
