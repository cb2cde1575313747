"""Measures: how far rewards, returns and policies are from one another. Pure functions, nothing trained or written.

    transitions   real transitions, sampled from episodes, and how they are taken apart and put together anew
    features      states as numbers that a linear fit can use
    epic          distance between rewards, whatever their scale and potential shaping
    starc         the same, on real transitions alone
    shaping       is the difference of two rewards a potential shaping?
    correlation   Pearson, per transition, with the expert reward or any other
    alignment     do returns put episodes in the order that fitness or persons do?
    occupancy     how far from a reference policy a policy has gone
    intervals     interquartile mean and stratified bootstrap over tasks
    normalised    the human-normalised score, and when it is refused

A measure that is not defined is None or a reason, never 0.0 and never NaN. The area under the ROC curve with its
bootstrap bound is `screen.tpe`'s.
"""
