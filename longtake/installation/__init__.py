"""What `longtake doctor` looks at where no source is named: is everything here that longtake needs, and well.

Each module looks at one thing (the impure part) and judges what it saw (pure functions from facts to a `Finding`).
"""
