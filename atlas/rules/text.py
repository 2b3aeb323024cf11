"""AA3xx: text."""

from __future__ import annotations

from atlas.rules.rule import rule

RULES = (
    rule(
        "AA301",
        "the text holds markup: {value}",
        "文本中含有标记：{value}",
        "write plain text; pages are laid out by the site",
        "请写纯文本，排版由站点完成",
        example="title:\n  en: Denoising <b>Diffusion</b> Models\n",
        mended="title:\n  en: Denoising Diffusion Models\n",
    ),
    rule(
        "AA302",
        "the text holds an invisible or control character {value}",
        "文本中含有不可见字符或控制字符 {value}",
        "delete it; it can hide or reorder what readers see",
        "请删除：它会隐藏或打乱读者看到的内容",
        example="title:\n  en: Denoising Diff\u200busion Models\n",
        mended="title:\n  en: Denoising Diffusion Models\n",
    ),
    rule(
        "AA303",
        "the Chinese text holds no Chinese character",
        "中文文本里没有汉字",
        "write the summary in Chinese, in your own words",
        "请用自己的话写中文",
        example="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: DDPM\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪扩散概率模型\n",
    ),
    rule(
        "AA304",
        "the English text holds Chinese characters: {value}",
        "英文文本里有汉字：{value}",
        "Chinese goes under `zh:`",
        "中文请写在 `zh:` 下",
        example="title:\n  en: Denoising 扩散 Models\n",
        mended="title:\n  en: Denoising Diffusion Models\n  zh: 去噪扩散模型\n",
    ),
    rule(
        "AA305",
        "the text is not in Unicode normal form C",
        "文本不是 Unicode NFC 规范形式",
        "type the characters anew, or let an editor normalise them",
        "请重新输入这些字符，或用编辑器规范化",
        example="authors:\n  - name: Ju\u0308rgen Schmidhuber\n",
        mended="authors:\n  - name: Jürgen Schmidhuber\n",
    ),
    rule(
        "AA306",
        "spaces at the beginning or end, or doubled",
        "首尾有空格，或有连续空格",
        "remove them",
        "请删去多余空格",
        example='title:\n  en: "Denoising  Diffusion Models"\n',
        mended="title:\n  en: Denoising Diffusion Models\n",
    ),
    rule(
        "AA307",
        "the summary repeats the title",
        "摘要只是重复了标题",
        "say what the resource is, why it matters and for whom",
        "请写它是什么、为何重要、适合谁",
        example=(
            "title:\n"
            "  en: How Noise That Is Added Step by Step Can Be Taken Away Again Step by Step by a Network\n"
            "summary:\n"
            "  en: How Noise That Is Added Step by Step Can Be Taken Away Again Step by Step by a Network.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
        mended=(
            "title:\n"
            "  en: How Noise That Is Added Step by Step Can Be Taken Away Again Step by Step by a Network\n"
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
    ),
    rule(
        "AA308",
        "numbers differ between the languages: {value}",
        "两种语言里的数字不一致：{value}",
        "the two texts must carry the same facts",
        "两种语言的文本必须陈述同样的事实",
        example=(
            "summary:\n"
            "  en: Turns noise into pictures in 1000 small steps, with one network that was trained on "
            "pictures at every level of noise.\n"
            "  zh: 用在各级噪声上训练的同一个网络，经过 500 个小步骤逐步把噪声变成图像，适合入门阅读。\n"
        ),
        mended=(
            "summary:\n"
            "  en: Turns noise into pictures in 1000 small steps, with one network that was trained on "
            "pictures at every level of noise.\n"
            "  zh: 用在各级噪声上训练的同一个网络，经过 1000 个小步骤逐步把噪声变成图像，适合入门阅读。\n"
        ),
        severity="warning",
    ),
    rule(
        "AA309",
        ("the English summary has changed since it was translated: `zh_of` is {value}, the text's stamp is {current}"),
        "英文摘要在翻译之后有改动：`zh_of` 为 {value}，当前文本的标记为 {current}",
        'bring `summary.zh` up to date, then write `zh_of: "{current}"`; `aigc fmt --translated FILE` does the latter',
        '请更新 `summary.zh`，再写 `zh_of: "{current}"`；后者可由 `aigc fmt --translated 文件` 完成',
        example=(
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
            'zh_of: "00000000"\n'
        ),
        mended=(
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
            'zh_of: "54f36ecc"\n'
        ),
        severity="warning",
    ),
    rule(
        "AA310",
        "the title is all in capitals: {value}",
        "标题全为大写：{value}",
        "write it as its authors print it in running text",
        "请按作者在正文中的写法书写",
        example="title:\n  en: DENOISING DIFFUSION PROBABILISTIC MODELS\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n",
        severity="warning",
    ),
    rule(
        "AA311",
        "the title ends in a full stop: {value}",
        "标题以句点结尾：{value}",
        "leave the full stop out",
        "请去掉句点",
        example="title:\n  en: Denoising Diffusion Probabilistic Models.\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n",
        severity="warning",
    ),
    rule(
        "AA312",
        "the summary shares a long passage with {other}: {value}",
        "摘要与 {other} 有大段相同文字：{value}",
        "say what sets this resource apart, in words of its own",
        "请写出这一资源的不同之处，不要照抄",
        example=(
            "# catalog/papers/ddpm.yaml\n"
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
            "# catalog/papers/vae.yaml\n"
            "summary:\n"
            "  en: This turns noise into pictures by taking away a little of it at a time, with a network "
            "that was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
        mended=(
            "# catalog/papers/ddpm.yaml\n"
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on noisy pictures.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
            "# catalog/papers/vae.yaml\n"
            "summary:\n"
            "  en: Learns to squeeze a picture into a few numbers and back, and to say how sure it is of "
            "them, by one bound for both.\n"
            "  zh: 用在带噪图像上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。"
            "\n"
        ),
        severity="warning",
    ),
    rule(
        "AA313",
        "the word '{value}' mixes scripts: it holds {character}",
        "单词“{value}”混用了不同文字：含有 {character}",
        "type the word anew on a Latin keyboard",
        "请用拉丁字母键盘重新输入该词",
        example="title:\n  en: Denoising D\u0456ffusion Models\n",
        mended="title:\n  en: Denoising Diffusion Models\n",
    ),
    rule(
        "AA314",
        "a pile of combining marks, ending in {value}",
        "组合字符层层堆叠，末尾为 {value}",
        "keep the marks that the language needs",
        "只保留该语言需要的变音符号",
        example="title:\n  en: Denoising Diffusio\u0301\u0301\u0301\u0301n Models\n",
        mended="title:\n  en: Denoising Diffusion Models\n",
    ),
    rule(
        "AA315",
        "the text holds an emoji, {value}",
        "文本中含有表情符号 {value}",
        "leave it out: readers' programs show it in different ways, and a search does not find it",
        "请删去：不同程序显示不一，也无法检索",
        example="# catalog/tools/diffusers.yaml\ntitle:\n  en: 🤗 Diffusers\n",
        mended="# catalog/tools/diffusers.yaml\ntitle:\n  en: Diffusers\n",
    ),
    rule(
        "AA316",
        "curly quotation marks in English text: {value}",
        "英文文本中有弯引号：{value}",
        "use straight ones, \" and '",
        "请用直引号 \" 和 '",
        example="title:\n  en: What Diffusion Models Don\u2019t Do\n",
        mended="title:\n  en: What Diffusion Models Don't Do\n",
        severity="warning",
    ),
    rule(
        "AA317",
        "half-width punctuation between Chinese characters: {value}",
        "汉字之间用了半角标点：{value}",
        "use the full-width marks ，。：；？！（）",
        "请用全角标点 ，。：；？！（）",
        example="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪,扩散与概率\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪，扩散与概率\n",
        severity="warning",
    ),
    rule(
        "AA318",
        "full-width letters, digits or marks: {value}",
        "含有全角字母、数字或标点：{value}",
        "type them in ASCII",
        "请改用半角输入",
        example="title:\n  en: \uff24\uff24\uff30\uff2d and Its Samplers\n",
        mended="title:\n  en: DDPM and Its Samplers\n",
    ),
    rule(
        "AA319",
        "Traditional characters in simplified text: {value}",
        "简体文本中有繁体字：{value}",
        "write the simplified forms",
        "请改为简体字",
        example="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪擴散模型\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪扩散模型\n",
        severity="warning",
    ),
    rule(
        "AA320",
        "a space between Chinese characters: {value}",
        "汉字之间有空格：{value}",
        "remove it",
        "请删去空格",
        example="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪 扩散模型\n",
        mended="title:\n  en: Denoising Diffusion Probabilistic Models\n  zh: 去噪扩散模型\n",
        severity="warning",
    ),
    rule(
        "AA321",
        "names differ between the languages: {value}",
        "两种语言里的名称不一致：{value}",
        "name the same models, data sets and measures in both texts",
        "两种语言的文本应提到同样的模型、数据集和指标",
        example=(
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on CIFAR and LSUN.\n"
            "  zh: 用在 CIFAR 上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。\n"
        ),
        mended=(
            "summary:\n"
            "  en: Turns noise into pictures by taking away a little of it at a time, with a network that "
            "was trained on CIFAR and LSUN.\n"
            "  zh: 用在 CIFAR 与 LSUN 上训练的网络，每次去掉一点噪声，逐步把噪声变成图像；适合了解变分界的读者阅读。\n"
        ),
        severity="warning",
    ),
)
