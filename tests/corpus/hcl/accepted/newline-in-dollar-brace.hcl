path "${a
b}${"c"}" {}
