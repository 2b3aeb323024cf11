"""AA4xx: ids, authors and licences: what an entry is about."""

from __future__ import annotations

from atlas.rules.rule import rule

RULES = (
    rule(
        "AA401",
        "'{value}' is not an id",
        "“{value}”不是合法的 id",
        "use lower-case ASCII letters, digits and single hyphens, 2 to 60 characters, such as `vq-vae`",
        "用小写 ASCII 字母、数字和单个连字符，2 到 60 个字符，例如 `vq-vae`",
        example="# catalog/papers/vq_vae.yaml\nid: vq_vae\n",
        mended="# catalog/papers/vq-vae.yaml\nid: vq-vae\n",
    ),
    rule(
        "AA402",
        "the id '{value}' differs from the file's name '{stem}'",
        "id“{value}”与文件名“{stem}”不一致",
        "make both the same",
        "让两者一致",
        example="id: ddpm-2020\n",
        mended="id: ddpm\n",
    ),
    rule(
        "AA403",
        "kind '{value}' does not belong in the folder {folder}",
        "类型“{value}”不应放在文件夹 {folder} 里",
        "move the file to the folder of its kind, or correct `kind`",
        "请把文件移到对应类型的文件夹，或改正 `kind`",
        example="kind: tool\n",
        mended="kind: paper\n",
    ),
    rule(
        "AA404",
        "the id '{value}' is also that of {other}",
        "id“{value}”与 {other} 重复",
        "ids and aliases are unique across all kinds; choose another",
        "id 与别名在所有类型间必须唯一，请另选一个",
        example="aliases: [vae]\n",
        mended="aliases: [diffusion-2020]\n",
    ),
    rule(
        "AA405",
        "{what} {value} is also that of {other}",
        "{what} {value} 与 {other} 重复",
        "one resource has one entry: mend the existing one",
        "一个资源只有一个条目：请修改已有的条目",
        example='url: https://arxiv.org/abs/1312.6114\nyear: 2013\nids:\n  arxiv: "1312.6114"\n',
        mended='url: https://arxiv.org/abs/2006.11239\nyear: 2020\nids:\n  arxiv: "2006.11239"\n',
    ),
    rule(
        "AA406",
        "'{value}' is not an arXiv id",
        "“{value}”不是合法的 arXiv 编号",
        'write it in quotes, without version or prefix, such as "2006.11239" or "cs/0501001"',
        '请加引号书写，不带版本号和前缀，例如 "2006.11239" 或 "cs/0501001"',
        example='ids:\n  arxiv: "2006.11239v2"\n',
        mended='ids:\n  arxiv: "2006.11239"\n',
    ),
    rule(
        "AA407",
        "'{value}' is not a DOI",
        "“{value}”不是合法的 DOI",
        "write it without https://doi.org/, such as 10.1145/3422622",
        "请去掉 https://doi.org/，例如 10.1145/3422622",
        example='ids:\n  arxiv: "2006.11239"\n  doi: https://doi.org/10.1145/3422622\n',
        mended='ids:\n  arxiv: "2006.11239"\n  doi: 10.1145/3422622\n',
    ),
    rule(
        "AA408",
        "'{value}' is not an ISBN-13: {problem}",
        "“{value}”不是合法的 ISBN-13：{problem_zh}",
        "copy the 13 digits anew, in quotes, without hyphens",
        "请重新抄录 13 位数字，加引号，不带连字符",
        example='# catalog/books/d2l.yaml\nisbn: "9780262048645"\n',
        mended='# catalog/books/d2l.yaml\nisbn: "9780262048644"\n',
    ),
    rule(
        "AA409",
        "'{value}' is not an SPDX licence expression",
        "“{value}”不是合法的 SPDX 许可证表达式",
        (
            "use an SPDX id such as Apache-2.0; `proprietary` for closed services; `custom` with a "
            "`licence_note`; for data that name none, `unstated`"
        ),
        (
            "请用 SPDX 标识，例如 Apache-2.0；封闭服务写 `proprietary`；自定义许可证写 `custom` 并补 `licence"
            "_note`；未声明许可的数据写 `unstated`"
        ),
        example="# catalog/tools/diffusers.yaml\nlicence: Apache2\n",
        mended="# catalog/tools/diffusers.yaml\nlicence: Apache-2.0\n",
    ),
    rule(
        "AA410",
        "this is not one author's name: {value}",
        "这不是一位作者的姓名：{value}",
        "list every author on a line of its own, in natural order: `- name: Jonathan Ho`",
        "每位作者单独一行，按自然顺序书写：`- name: Jonathan Ho`",
        example="authors:\n  - name: Jonathan Ho et al.\n",
        mended="authors:\n  - name: Jonathan Ho\n  - name: Ajay Jain\n",
    ),
    rule(
        "AA411",
        "the author '{value}' stands twice",
        "作者“{value}”出现了两次",
        "remove one; if the source really names two people so, give the second `same_name: true`",
        "删去其中一个；若来源中确有两位同名作者，给第二位加上 `same_name: true`",
        example="authors:\n  - name: Jonathan Ho\n  - name: Jonathan Ho\n",
        mended="authors:\n  - name: Jonathan Ho\n  - name: Ajay Jain\n",
    ),
    rule(
        "AA412",
        "a paper needs an id (`ids`), its page in the proceedings as `url` or, for a report, a venue of type `report`",
        "论文需要编号（`ids`），或以论文集中的页面作 `url`；若是报告，则需要类型为 `report` 的 `venue`",
        "add `ids:` with arxiv, doi, openreview or acl",
        "请在 `ids:` 下补 arxiv、doi、openreview 或 acl",
        example="venue:\n  name: NeurIPS\n  year: 2020\n  type: conference\n# ids: left out\n",
        mended='venue:\n  name: NeurIPS\n  year: 2020\n  type: conference\nids:\n  arxiv: "2006.11239"\n',
    ),
    rule(
        "AA413",
        "a DOI that arXiv gave out is stored by hand: {value}",
        "手工保存了 arXiv 自己分配的 DOI：{value}",
        'leave it out: it follows from `arxiv: "{arxiv}"`',
        '请删去：它可由 `arxiv: "{arxiv}"` 推出',
        example='ids:\n  arxiv: "2006.11239"\n  doi: 10.48550/arXiv.2006.11239\n',
        mended='ids:\n  arxiv: "2006.11239"\n',
    ),
    rule(
        "AA414",
        "'{value}' is not an ORCID iD: {problem}",
        "“{value}”不是合法的 ORCID：{problem_zh}",
        "copy it anew from the person's ORCID page, such as 0000-0002-1825-0097",
        "请从本人 ORCID 页面重新抄录，例如 0000-0002-1825-0097",
        example="authors:\n  - name: Jonathan Ho\n    orcid: 0000-0002-1825-0098\n",
        mended="authors:\n  - name: Jonathan Ho\n    orcid: 0000-0002-1825-0097\n",
    ),
    rule(
        "AA415",
        "the title is nearly that of {other}: {value}",
        "标题与 {other} 几乎相同：{value}",
        "if it is the same resource, keep one entry; otherwise check the spelling of both titles",
        "若是同一资源，只保留一个条目；否则请核对两个标题的拼写",
        example=(
            "# catalog/papers/ddpm.yaml\n"
            "title:\n"
            "  en: Denoising Diffusion Probabilistic Models\n"
            "# catalog/papers/diffusion.yaml\n"
            "id: diffusion\n"
            "title:\n"
            "  en: Denoising Difusion Probabilistic Models\n"
        ),
        mended=(
            "# catalog/papers/ddpm.yaml\n"
            "title:\n"
            "  en: Denoising Diffusion Probabilistic Models\n"
            "# catalog/papers/diffusion.yaml\n"
            "id: diffusion\n"
            "title:\n"
            "  en: Deep Unsupervised Learning by Noise\n"
        ),
        severity="warning",
    ),
    rule(
        "AA416",
        "'{value}' is a name that the site uses itself",
        "“{value}”是站点自身使用的名称",
        "choose another id",
        "请另选 id",
        example="aliases: [index]\n",
        mended="aliases: [diffusion-2020]\n",
    ),
    rule(
        "AA417",
        "the SPDX licence id '{value}' is deprecated",
        "SPDX 许可证标识“{value}”已弃用",
        "write one of: {current}",
        "请改写为：{current}",
        example="# catalog/tools/diffusers.yaml\nlicence: GPL-3.0\n",
        mended="# catalog/tools/diffusers.yaml\nlicence: GPL-3.0-only\n",
    ),
    rule(
        "AA418",
        "the title '{value}' is not that of arXiv {arxiv}: '{other}'",
        "标题“{value}”与 arXiv {arxiv} 的标题“{other}”不符",
        "find out which of the two is wrong, the title or the arXiv id; of a paper that its authors have renamed, "
        "write the old title under `former_titles`",
        "请查明标题与 arXiv 编号哪个有误；若作者后来改了题目，请把旧题目写入 `former_titles`",
        example='ids:\n  arxiv: "2006.11239"\ntitle:\n  en: Diffusion Models Beat GANs on Image Synthesis\n',
        mended='ids:\n  arxiv: "2006.11239"\ntitle:\n  en: Denoising Diffusion Probabilistic Models\n',
    ),
    rule(
        "AA419",
        "the first author '{value}' is not that of arXiv {arxiv}: '{other}'",
        "第一作者“{value}”与 arXiv {arxiv} 的“{other}”不符",
        "copy the authors anew from the paper itself",
        "请从论文本身重新抄录作者",
        example="authors:\n  - name: Prafulla Dhariwal\n",
        mended="authors:\n  - name: Jonathan Ho\n",
    ),
    rule(
        "AA420",
        "the year {value} is not that of arXiv {arxiv}: {other}",
        "年份 {value} 与 arXiv {arxiv} 的 {other} 不符",
        "`year` is that of the first public version",
        "`year` 是首个公开版本的年份",
        example='url: https://arxiv.org/abs/2101.00001\nids:\n  arxiv: "2101.00001"\nyear: 2021\n',
        mended='url: https://arxiv.org/abs/2006.11239\nids:\n  arxiv: "2006.11239"\nyear: 2020\n',
    ),
    rule(
        "AA421",
        "the id '{value}' was published and is gone",
        "已发布的 id“{value}”不见了",
        "add it to the `aliases` of the entry that took its place, or keep the entry with another status",
        "请把它加入接替条目的 `aliases`，或保留该条目并更改状态",
        example="# catalog/papers/ncsn.yaml (deleted)\nid: ncsn\n",
        mended="# catalog/papers/ncsn.yaml (deleted)\nid: ncsn\n# catalog/papers/ddpm.yaml\naliases: [ncsn]\n",
    ),
    rule(
        "AA422",
        "the id '{value}' named another thing before: '{was}'",
        "id“{value}”原先指的是另一资源：“{was}”",
        "an id is never given to another resource: choose a new one",
        "id 不得改指其他资源，请另选新 id",
        example=(
            "id: ddpm\n"
            "title:\n"
            "  en: Another Paper on Something Else\n"
            "url: https://arxiv.org/abs/2101.00002\n"
            "ids:\n"
            '  arxiv: "2101.00002"\n'
            "year: 2021\n"
        ),
        mended=(
            "id: ddpm\n"
            "title:\n"
            "  en: Denoising Diffusion Models, Renamed\n"
            "url: https://arxiv.org/abs/2006.11239\n"
            "ids:\n"
            '  arxiv: "2006.11239"\n'
            "year: 2020\n"
        ),
    ),
)
