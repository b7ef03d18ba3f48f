path "a" { comment = <<EOF
read
EOF
 }
