"""What a day's inputs are warned about: names, replaced holdings, missing volatilities. None of it changes a target."""
