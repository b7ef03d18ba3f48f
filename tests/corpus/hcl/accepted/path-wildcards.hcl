path "*" {} path "a*b" {} path "**" {} path "+" {} path "a/+/b/*" {} path "a+" {}
