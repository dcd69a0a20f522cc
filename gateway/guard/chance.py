"""What chance alone explains: three bounds that hold for any number of images, each without an approximation."""

import math


def dealt(bad: int, images: int, other_bad: int, other_images: int) -> float:
    """Return how probable it is that so many bad images, or more, fall to one side when they are dealt at random.

    Fisher's exact test, one-sided: with K bad ones among N images, n of them on this side, the number X on this side is
    hypergeometric, P(X = k) = C(K, k) C(N - K, n - k) / C(N, n), and what is returned is P(X >= bad). The normal
    approximation ("two-proportion z") would be far off here: one failure among 50 images beside none among 10,000 has
    z = 14, and the exact probability 0.005.
    """
    every, total = bad + other_bad, images + other_images
    if bad * total <= every * images:  # no more than its share
        return 1.0
    term = math.exp(_log_choose(every, bad) + _log_choose(total - every, images - bad) - _log_choose(total, images))
    sum_, k = 0.0, bad
    while term > sum_ * 1e-12:  # beyond the mode each term is smaller than the one before
        sum_ += term
        term *= (every - k) * (images - k) / ((k + 1) * (total - every - images + k + 1))
        k += 1
    return min(sum_, 1.0)


def drawn(bad: int, images: int, rate: float) -> float:
    """Return a bound on how probable so many bad images, or more, are where each is bad with probability `rate`.

    Chernoff's bound for the binomial tail (Hoeffding 1963, theorem 1): with q = bad / images > rate,
    P(X >= bad) <= exp(-images * KL(q || rate)), KL(q || p) = q ln(q / p) + (1 - q) ln((1 - q) / (1 - p)).
    """
    if bad <= rate * images:
        return 1.0
    if rate <= 0.0:
        return 0.0
    share = bad / images
    divergence = share * math.log(share / rate)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - rate))
    return math.exp(-images * divergence)


def distance_by_chance(images: int, other_images: int, classes: int, chance: float) -> float:
    """Return the total variation distance that two samples of one class mix exceed with probability `chance` at most.

    With h = 1/n + 1/m the mean of the distance is at most sqrt(h (K - 1)) / 2: class k of probability p_k contributes
    half of E|difference| <= sqrt(p_k (1 - p_k) h), and by Cauchy and Schwarz the roots sum to sqrt(K - 1) at most.
    One image changes the distance by 1/n or 1/m at most, so by McDiarmid's inequality it exceeds its mean by t with
    probability exp(-2 t^2 / h) at most; t = sqrt(h ln(1 / chance) / 2).
    """
    spread = 1 / images + 1 / other_images
    return math.sqrt(spread) * (math.sqrt(classes - 1) / 2 + math.sqrt(math.log(1 / chance) / 2))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
