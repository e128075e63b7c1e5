"""Changes of trees of JSON and of named arrays, as a hostile author might make them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from benchmarks.trials.junk import ARRAY_VALUES, DTYPES, NAMES, SCALARS, TEXTS, WORDS

Rng = np.random.Generator


def change_json(root: Any, rng: Rng) -> None:
    """One change somewhere in a tree of lists and dicts."""
    places = _places(root)
    if not places:
        return
    parent, key = places[rng.integers(len(places))]
    other, theirs = places[rng.integers(len(places))]
    odd = int(rng.integers(8))
    if odd <= 2:
        parent[key] = _near(parent[key], rng)
    elif odd == 3:
        parent[key] = copy.deepcopy(SCALARS[rng.integers(len(SCALARS))])
    elif odd == 4:
        del parent[key]
    elif odd == 5:
        parent[key] = copy.deepcopy(other[theirs])
    elif odd == 6 and isinstance(parent, dict):
        parent[str(rng.choice([*TEXTS, *WORDS]))] = parent.pop(key)
    elif odd == 6:
        _change_list(parent, rng)
    else:
        mine, yours = copy.deepcopy(parent[key]), copy.deepcopy(other[theirs])
        parent[key] = yours
        other[theirs] = mine


def _change_list(items: list[Any], rng: Rng) -> None:
    odd = int(rng.integers(5))
    if odd == 0:
        items.reverse()
    elif odd == 1:
        items.append(copy.deepcopy(items[rng.integers(len(items))]))
    elif odd == 2:
        items.clear()
    elif odd == 3:
        items.extend(copy.deepcopy(items) * int(rng.integers(1, 50)))
    else:
        items[:] = items[: rng.integers(len(items))]


def _near(value: Any, rng: Rng) -> Any:
    """A value of the same type that is another."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        sizes = [value + 1, value - 1, -value, 2 * value, 0, 10**6 * value, 2**31, 2**63, 2**40]
        return sizes[rng.integers(len(sizes))]
    if isinstance(value, float):
        sizes = [-value, value * 2, value + 1e-9, value * 1e30, 0.0, 1e308, 5e-324]
        return min(sizes[rng.integers(len(sizes))], 1.7e308)
    if isinstance(value, str):
        words = [value[:-1], value + value, value.swapcase(), value + "\0", *WORDS, *TEXTS]
        return str(words[rng.integers(len(words))])
    return copy.deepcopy(SCALARS[rng.integers(len(SCALARS))])


def _places(root: Any) -> list[tuple[Any, Any]]:
    """Every value in a tree, by the list or dict that holds it and the key."""
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    return found


def changed_arrays(arrays: dict[str, np.ndarray], rng: Rng) -> dict[str, np.ndarray]:
    """The arrays with one to three changes of values, types, shapes or names."""
    changed = dict(arrays)
    for _ in range(rng.integers(1, 4)):
        name, other = (str(one) for one in rng.choice(list(changed), 2))
        odd = int(rng.integers(8))
        if odd <= 2:
            changed[name] = _other_values(changed[name], rng)
        elif odd == 3:
            with np.errstate(all="ignore"):
                changed[name] = changed[name].astype(str(rng.choice(DTYPES)))
        elif odd == 4:
            changed[name] = _other_shape(changed[name], rng)
        elif odd == 5:
            del changed[name]
        elif odd == 6:
            changed[f"{name}{rng.choice(NAMES)}"] = changed[name]
        else:
            changed[name], changed[other] = changed[other], changed[name]
    return changed


def _other_values(array: np.ndarray, rng: Rng) -> np.ndarray:
    made, flat = array.copy(), array.size
    if not flat:
        return np.zeros(3, dtype=array.dtype)
    value = ARRAY_VALUES[rng.integers(len(ARRAY_VALUES))]
    if array.dtype.kind in "iu":
        bounds = np.iinfo(array.dtype)
        value = int(np.clip(np.nan_to_num(value), bounds.min, float(bounds.max) * 0.99))
    where = rng.integers(flat, size=[1, flat][rng.integers(2)])
    with np.errstate(all="ignore"):
        made.reshape(-1)[where] = value
    return made if rng.random() < 0.8 else rng.permutation(array.reshape(-1)).reshape(array.shape)


def _other_shape(array: np.ndarray, rng: Rng) -> np.ndarray:
    shapes = [
        array.reshape(-1),
        array[None],
        array.T,
        array[:-1] if array.ndim else array[None],
        np.repeat(array[None] if array.ndim == 0 else array, 2, axis=0),
        np.zeros((0, *array.shape[1:]), dtype=array.dtype),
        np.resize(array, 1000),
    ]
    return np.ascontiguousarray(shapes[rng.integers(len(shapes))])
