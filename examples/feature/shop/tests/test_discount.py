import pytest

from discount import discounted


def test_a_code_takes_its_share_off():
    assert discounted({"cup": 1}, "TEN") == 1080
    assert discounted({"pot": 1}, "HALF") == 1950


def test_cents_are_rounded_in_favour_of_the_customer():
    assert discounted({"tea": 1}, "THIRD") == 300
    assert discounted({"tea": 1, "cup": 1}, "TEN") == 1485


def test_no_code_no_discount():
    assert discounted({"cup": 2}, "") == 2400


def test_an_unknown_code_is_an_error():
    with pytest.raises(ValueError, match="no discount code"):
        discounted({"cup": 1}, "FREE")
