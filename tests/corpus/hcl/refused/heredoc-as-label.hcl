path <<E
a
E
{}
