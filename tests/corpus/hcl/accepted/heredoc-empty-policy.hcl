path "a" { policy = <<EOF
EOF
 }
