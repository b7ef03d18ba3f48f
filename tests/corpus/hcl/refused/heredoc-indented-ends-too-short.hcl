path "a" { comment = <<-EOF
EOF
 }
