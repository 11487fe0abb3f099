"""What things cost, in cents."""

PRICES = {"tea": 450, "cup": 1200, "pot": 3900}


def total(basket):
    """The price of a basket: how many of each thing, by its name."""
    return sum(PRICES[name] * count for name, count in basket.items())
