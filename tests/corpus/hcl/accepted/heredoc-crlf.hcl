path "a" { comment = <<EOF
x
EOF
 }
