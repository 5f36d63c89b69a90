"""A NumPy program as one that JAX can trace: the same text, with arrays that are never changed.

An assignment to elements makes a new array (`x[0] = 1` becomes `x = x.at[0].set(1)`), and a loop a function from what it
carries to what it carries. What JAX cannot trace after that (slices whose length the loop's turn tells, arrays as long as a
mask has truths) it says when it is called.
"""

import ast
import inspect

import jax
import jax.numpy as jnp

# Loops of so many turns at most are written out, as a user would for the places of a small filter.
UNROLLED = 16
METHODS = {ast.Add: "add", ast.Mult: "multiply", ast.Div: "divide", ast.Sub: "subtract"}


def traced(module):
    """The function that has the module's name, for `jax.jit`."""
    tree = ast.parse(inspect.getsource(module))
    tree.body = [Pure().visit(node) for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {"np": jnp, "each_of": each_of, "while_holds": while_holds}
    exec(compile(ast.fix_missing_locations(tree), module.__file__, "exec"), names)
    return names[module.__name__]


def each_of(turns, turn, carried):
    """What `for` over a range comes to."""
    if len(turns) <= UNROLLED:
        for index in turns:
            carried = turn(index, carried)
        return carried
    return jax.lax.fori_loop(0, len(turns), lambda index, carried: turn(turns.start + index * turns.step, carried), carried)


def while_holds(holds, turn, carried):
    """What `while` comes to."""
    return jax.lax.while_loop(holds, turn, carried)


class Pure(ast.NodeTransformer):
    """Rewrites one function after the other; `known` are the names that have a value so far."""

    def __init__(self):
        self.known, self.loops = [], 0

    def visit_FunctionDef(self, node):
        self.known = [argument.arg for argument in node.args.args]
        node.body = self.block(node.body)
        return node

    def block(self, statements):
        written = []
        for statement in statements:
            new = self.visit(statement)
            written += new if isinstance(new, list) else [new]
            self.known += [name for name in assigned([statement]) if name not in self.known]
        return written

    def visit_Assign(self, node):
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            return changed(target, "set", node.value)
        if isinstance(target, ast.Tuple) and any(isinstance(part, ast.Subscript) for part in target.elts):
            fresh = [f"part_{index}" for index in range(len(target.elts))]
            parts = [changed(part, "set", load(name)) if isinstance(part, ast.Subscript) else
                     ast.Assign([part], load(name)) for part, name in zip(target.elts, fresh, strict=True)]
            return [ast.Assign([names_of(fresh, ast.Store())], node.value), *parts]
        return node

    def visit_AugAssign(self, node):
        if isinstance(node.target, ast.Subscript):
            return changed(node.target, METHODS[type(node.op)], node.value)
        return node

    def visit_Expr(self, node):
        call = node.value
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "np.fill_diagonal":
            call.keywords = [ast.keyword("inplace", ast.Constant(False))]
            return ast.Assign([ast.Name(call.args[0].id, ast.Store())], call)
        return node

    def visit_For(self, node):
        if isinstance(node.iter, ast.Name):
            element = ast.Subscript(node.iter, load("place"), ast.Load())
            node.body = [ast.Assign([node.target], element), *node.body]
            node.iter, node.target = ast.parse(f"range(len({node.iter.id}))").body[0].value, ast.Name("place", ast.Store())
        if not (isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range"):
            # Over constants, which are known as it is traced.
            return node
        return self.loop(node, [node.target.id], "each_of", node.iter)

    def visit_While(self, node):
        return self.loop(node, [], "while_holds", None)

    def loop(self, node, elements, driver, turns):
        carried = [name for name in assigned(node.body) if name in self.known]
        self.loops += 1
        turn, holds = f"turn_{self.loops}", f"holds_{self.loops}"
        unpack = ast.Assign([names_of(carried, ast.Store())], load("carried"))
        known, self.known = self.known, self.known + elements
        body = [unpack, *self.block(node.body), ast.Return(names_of(carried, ast.Load()))]
        self.known = known
        written = [function(turn, [*elements, "carried"], body)]
        first = turns
        if turns is None:
            written.append(function(holds, ["carried"], [unpack, ast.Return(node.test)]))
            first = load(holds)
        call = ast.Call(load(driver), [first, load(turn), names_of(carried, ast.Load())], [])
        return [*written, ast.Assign([names_of(carried, ast.Store())], call)]


def assigned(statements):
    """The names that get a value in them, elements of arrays included, each once."""
    found = []
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                node = node.value
            elif not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
                continue
            if node.id not in found:
                found.append(node.id)
    return found


def changed(target, method, value):
    place = ast.Subscript(ast.Attribute(load(target.value.id), "at", ast.Load()), target.slice, ast.Load())
    call = ast.Call(ast.Attribute(place, method, ast.Load()), [value], [])
    return ast.Assign([ast.Name(target.value.id, ast.Store())], call)


def load(name):
    return ast.Name(name, ast.Load())


def names_of(names, context):
    return ast.Tuple([ast.Name(name, context) for name in names], context)


def function(name, parameters, body):
    arguments = ast.arguments([], [ast.arg(parameter) for parameter in parameters], None, [], [], None, [])
    return ast.FunctionDef(name, arguments, body, [], None, type_params=[])
