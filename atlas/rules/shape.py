"""AA2xx: fields, lists and lengths."""

from __future__ import annotations

from atlas.rules.rule import rule

RULES = (
    rule(
        "AA201",
        "unknown field '{name}'",
        "未知字段“{name}”",
        "use the fields of this kind: {suggestion}",
        "请使用该类型的字段：{suggestion_zh}",
        example="levle: intermediate\n",
        mended="level: intermediate\n",
    ),
    rule(
        "AA202",
        "the field '{name}' is missing",
        "缺少字段“{name}”",
        "add `{name}: …`{where}",
        "请补上 `{name}: …`{where_zh}",
        example="venue:\n  name: NeurIPS\n  year: 2020\n",
        mended="venue:\n  name: NeurIPS\n  year: 2020\n  type: conference\n",
    ),
    rule(
        "AA203",
        "this must be {expected}, it is {found}: {value}",
        "这里应为{expected_zh}，实为{found_zh}：{value}",
        "write it as {example}",
        "请写成 {example}",
        example='year: "2020"\n',
        mended="year: 2020\n",
    ),
    rule(
        "AA204",
        "the value will not do: {problem}",
        "值不可用：{problem_zh}",
        "mend the value; a field without one is left out, never left empty",
        "请改正这个值；没有值的字段请整个删去，不要留空",
        example="family:\n",
        mended="family: [diffusion]\n",
    ),
    rule(
        "AA205",
        "the text has {length} characters; {limit_name} is {limit}",
        "文本有 {length} 个字符；{limit_name_zh}为 {limit}",
        "say what it is, why it matters and for whom, and no more",
        "写清楚它是什么、为何重要、适合谁，点到为止",
        example=(
            "summary:\n"
            "  en: Adds noise.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
        mended=(
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
    ),
    rule(
        "AA206",
        "'{value}' stands twice in this list",
        "列表中“{value}”出现了两次",
        "remove one of the two",
        "删去其中一个",
        example="modality: [image, image]\n",
        mended="modality: [image]\n",
    ),
    rule(
        "AA207",
        "{count} items, {limit_name} is {limit}",
        "有 {count} 项；{limit_name_zh}为 {limit}",
        "keep those that matter most to somebody who searches",
        "保留对检索者最重要的几项",
        example="modality: []\n",
        mended="modality: [image]\n",
    ),
    rule(
        "AA208",
        "this looks like a placeholder: {value}",
        "这看起来是占位文字：{value}",
        "write the real text, or leave the field out",
        "请写真实内容，或删去该字段",
        example="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: TODO\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪扩散概率模型\n",
    ),
)
