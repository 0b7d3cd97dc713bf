"""Delivery: the published renewal-due lists, in marketing's hands.

`published` reads what is published, `workbook` and `delimited` write it down, `storage` puts it where it belongs,
`mail` announces it, `ledger` remembers what was done, and `deliver` does all of it, once.
"""
