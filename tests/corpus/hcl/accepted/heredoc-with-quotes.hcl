path "a" { comment = <<E9_
"${
E9_
 }
