"""The checks: each module holds those of one sort, each check reports to the documents it read.

One file by itself: `schema` against its model, `consistency` its fields against each other, `style` how text is set,
`translation` its two languages against each other.
Entries against each other: `identity`, `similarity`, `relations` (with `circles`), `paths`, `vocabularies`.
Entries against what is outside the catalog: `facts` a table of known facts, `promises` an earlier commit,
`implementations` the modules of the site. The site's pages: `method_pages` those of methods
against the code, `chapters` those of the guide against the catalog (both with `markdown`).
A check works on what could be read, so that one broken file hides no other's problems.
"""
