path "a" { comment = 1 comment = ["x"] comment = { a = [true] } comment { b {} } }
