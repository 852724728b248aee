class SymbolicSearch(list): pass
class Search: pass
