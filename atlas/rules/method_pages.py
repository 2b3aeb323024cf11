"""AA9xx: the hand-written pages: those of the methods and the chapters of the guide."""

from __future__ import annotations

from atlas.rules.rule import rule

_PAGE = "# docs/en/methods/diffusion/ddpm.md\n"
_EQUATION = "$$\n\\alpha_t = 1 - \\beta_t\n$$\n"
_FUNCTION = "\n::: reference_impl.diffusion.ddpm.alpha\n"
_TESTS = "https://github.com/aigc-atlas/aigc-atlas/blob/main/tests/reference_impl/diffusion"
_PROOF = f"\nProof: [`test_alpha`]({_TESTS}/test_ddpm.py).\n"
_BOX = '!!! warning "Off by one in time"\n\n    The paper counts from 1, arrays from 0.\n'
_CHAPTER = "# docs/en/guide/history.md\n## Noise { #noise }\n\n"

RULES = (
    rule(
        "AA901",
        "no function follows this displayed equation",
        "这个独立公式之后没有给出计算它的函数",
        "before the next equation or heading, name the function or class that computes it: `::: reference_impl.…`",
        "请在下一个公式或标题之前写明计算它的函数或类：`::: reference_impl.…`",
        example=_PAGE + _EQUATION + _PROOF,
        mended=_PAGE + _EQUATION + _FUNCTION + _PROOF,
    ),
    rule(
        "AA902",
        "no proof follows this displayed equation",
        "这个独立公式之后没有给出证明",
        "before the next equation or heading, begin a line with `{mark}` and link the test that proves it",
        "请在下一个公式或标题之前另起一行，以 `{mark}` 开头，并链接证明它的测试",
        example=_PAGE + _EQUATION + _FUNCTION,
        mended=_PAGE + _EQUATION + _FUNCTION + _PROOF,
    ),
    rule(
        "AA903",
        "the source has no '{value}'",
        "源代码中没有“{value}”",
        "name a function or class that is there: {suggestion}",
        "请写已有的函数或类：{suggestion_zh}",
        example=_PAGE + _EQUATION + _FUNCTION.replace(".alpha", ".alhpa") + _PROOF,
        mended=_PAGE + _EQUATION + _FUNCTION + _PROOF,
    ),
    rule(
        "AA904",
        "'{file}' has no test '{value}'",
        "“{file}”中没有测试“{value}”",
        "name a test that is there: {suggestion}",
        "请写已有的测试：{suggestion_zh}",
        example=_PAGE + _EQUATION + _FUNCTION + _PROOF.replace("`test_alpha`", "`test_alhpa`"),
        mended=_PAGE + _EQUATION + _FUNCTION + _PROOF,
    ),
    rule(
        "AA905",
        "this common mistake does not end in a proof",
        "这个常见错误没有以证明结尾",
        "end the box with a line that begins with `{mark}` and links the test that finds the mistake",
        "请在框的末尾另起一行，以 `{mark}` 开头，并链接能发现该错误的测试",
        example=_PAGE + _BOX,
        mended=_PAGE + _BOX + "    " + _PROOF.lstrip(),
    ),
    rule(
        "AA906",
        "this claim of a chapter names no source: {value}",
        "本章的这一说法没有给出来源：{value}",
        "link the entry that it rests on, `[…](../catalog/….md)`, or the page of a method",
        "请链接它所依据的条目 `[…](../catalog/….md)`，或某个方法的页面",
        example=_CHAPTER + "Diffusion models began to beat other models in 2020.\n",
        mended=_CHAPTER + "Diffusion models began with [DDPM](../catalog/ddpm.md) to be taken seriously.\n",
    ),
    rule(
        "AA907",
        "this page names the entry '{value}', which is not there",
        "本页所指的条目“{value}”不存在",
        "name an entry that is there: {suggestion}",
        "请写已有的条目：{suggestion_zh}",
        example=_CHAPTER + "Diffusion models began with [DDPM](../catalog/ddmp.md).\n",
        mended=_CHAPTER + "Diffusion models began with [DDPM](../catalog/ddpm.md).\n",
    ),
)
