# Fixtures of {{title}}

None yet. What {{base_url}} answers stands here in files of its own: a whole answer of each kind, its errors (a bad key, too many calls), and a stream where it has one.
They are answers that the vendor's pages document, with invented values and without keys. Name each page here, with the date on which it was read.
