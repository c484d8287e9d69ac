package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// newParser reads the command line of c. Help is in the console's language.
func newParser(c *cli, con *console, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("shenzhong"),
		kong.Description(con.say(
			"慎终：殡葬与公墓服务的记录、公示与监督。一个程序，自带日志与各种读模型。",
			"Shenzhong (慎终): funeral and cemetery services, recorded, published, supervised. One program with its log and read models inside.")),
		kong.Writers(con.out, con.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.PostBuild(func(k *kong.Kong) error { localize(k.Model.Node, con.lang); return nil }),
	)
}

// localize puts the help of the whole tree into the language. English stands in
// the tags of the command line's own struct.
func localize(n *kong.Node, lang string) {
	path := strings.TrimSpace(strings.TrimPrefix(n.FullPath(), "shenzhong"))
	if t, ok := details[path]; ok {
		n.Detail = t[0]
		if lang == "en" {
			n.Detail = t[1]
		}
	}
	if lang != "en" {
		if t, ok := zhHelp[path]; ok && path != "" {
			n.Help = t
		}
		for _, f := range n.Flags {
			if t, ok := zhHelp["--"+f.Name]; ok {
				f.Help = t
			}
			if t, ok := zhHelp[path+" --"+f.Name]; ok {
				f.Help = t
			}
		}
		for _, p := range n.Positional {
			if t, ok := zhHelp[path+" "+p.Name]; ok {
				p.Help = t
			}
		}
	}
	for _, c := range n.Children {
		localize(c, lang)
	}
}

// zhHelp is the short help in Chinese, by command, flag, or command and flag.
var zhHelp = map[string]string{
	"account":            "建一个账号，并显示令牌；加 --password 还有登录口令。",
	"account ID":         "账号名，会写进每个事件：小写字母、数字、短横线；是岗位，不是人。",
	"account --role":     "可以做什么：desk、cremator、cemetery、eco、regulator、admin、importer。",
	"account --password": "再给它一个登录页面用的口令，只显示一次。",
	"account --of":       "所属机构的统一社会信用代码；* 表示全部。",
	"--accounts":         "账号文件。默认是数据目录里的 accounts.json。",
	"--nats-creds":       "外部 NATS 的凭据文件。",
	"--nats-check":       "可以查看外部 NATS 设置的地址（系统账号或监控端口）。",
	"--nats-trust-sync":  "看不到设置时，相信外部 NATS 先落盘再确认。",
	"--replicas":         "在 NATS 集群里新建时，日志和密钥保存几份。",
	"bench":              "在这台机器上测量，每个数字旁边是原生 JetStream。",
	"bench --events":     "冷加载和重建所用的日志有多少事件。",
	"bench --seconds":    "每项追加测多少秒。",
	"bench --dir":        "临时文件放在哪里；磁盘不同，结果不同。默认是系统的临时目录。",
	"--help":             "显示帮助。",
	"--version":          "显示版本。",
	"--lang":             "消息的语言：zh 或 en。默认按 LANG。",
	"--log-level":        "日志从哪一级起：debug、info、warn、error。",
	"--data":             "数据目录：日志、读模型都在里面。",
	"--store":            "事件存在哪里：nats（内置）、memory（退出即失）或 esdb://…。",
	"--nats":             "用外部 NATS 服务器或集群，代替内置的。",
	"--master-key":       "主密钥文件，须在数据目录之外。默认在用户配置目录。",
	"--init":             "允许新建日志和主密钥；不写时，缺了就停下。",

	"serve":                "运行全部：日志、读模型、网页与接口。",
	"serve --demo":         "数据目录为空时，装入一座演示城市。",
	"serve --listen":       "监听的地址。默认 127.0.0.1:8080。",
	"serve --origin":       "日志在检查点里的名称，写法同网址而不带 https://（如 log.example.gov.cn/tlog）。只在第一次生成签名钥匙时有用。",
	"serve --checkpoints":  "隔多久签发一次检查点。默认 10 秒。",
	"serve --cases":        "演示城市里模拟多少个案件。默认 2000。",
	"import":               "导入真实文件：要么全部成功，要么一点不动；重复导入不改变什么。",
	"import prices":        "导入价目表（JSON 文件或目录）。",
	"import prices --late": "在用的价目之外补录已经生效的价目时，写明原因。",
	"import prices FILE":   "文件或目录；目录里的 *.json 都会读。",

	"import catalogue":                "导入收费目录清单。",
	"import catalogue FILE":           "目录清单文件（JSON）。",
	"import catalogue --effective":    "从哪一天起执行。",
	"import catalogue --division":     "适用的行政区划。",
	"import catalogue --document":     "依据的文件。",
	"import catalogue --version-name": "版本名；不写时用“生效日期”。",

	"import credit-policy":      "导入服务信用规则。",
	"import credit-policy FILE": "规则文件（JSON）。",
	"import plots":              "导入墓位、格位台账（CSV）。",
	"import plots FILE":         "CSV 文件，第一行是列名。",

	"simulate":            "用真实命令模拟治丧案件；同一个种子，得到同样的事件。",
	"simulate --cases":    "案件数。默认 100。",
	"simulate --seed":     "随机种子。默认 1。",
	"simulate --from":     "模拟时间从哪一天起。默认 2025-01-01。",
	"simulate --until":    "模拟时间到哪一天止。默认 2026-10-31，未到时为昨天。",
	"simulate --parallel": "同时进行多少个案件。结果与此无关。",
	"simulate --acks":     "每个确认了的命令写一行到这个文件（测试用）。",

	"verify":                "核对整个日志和每个读模型；有出入时退出码为 3。",
	"verify FILE":           "审计包，公布的价目文件（.json、.csv），或监管台导出的表格（.xlsx、.csv）；不联网核对，不需要日志。",
	"verify --catalogue":    "核对 CSV 价目文件时，另给收费目录清单文件，才能查出缺少的必列项目。",
	"verify --log-key":      "配合 FILE：您从别处得到的平台公钥。",
	"verify --pinned":       "配合 FILE：您留存的检查点，文件必须延续它。",
	"witness":               "见证别的单位的日志：延续以前的才签名。",
	"witness --log":         "日志的地址：https://…/tlog。",
	"witness --log-key":     "平台的公钥，从别的途径得到。",
	"witness --name":        "签名用的名称，写法同网址而不带 https://；生成钥匙时要写。",
	"witness --key":         "自己的私钥文件，没有就生成。默认 witness.key。",
	"witness --state":       "上次看到的检查点；不能丢。默认 witness.checkpoint。",
	"witness --every":       "隔多久看一次。默认 1 分钟。",
	"witness --once":        "看一次就结束。",
	"rebuild":               "在旧的旁边重建读模型，建好再切换。",
	"rebuild NAME":          "读模型的名字；不写就是全部。",
	"draw":                  "公开抽签和摇号（高峰日时段、公墓位置）：做承诺，复算结果。",
	"draw new":              "生成种子、盐，以及抽签前要公布的承诺。",
	"draw check":            "按公布的记录重抽一遍并比较；对不上时退出码为 3。",
	"draw check FILE":       "抽签记录，即 GET /api/v1/draws/机构/设施种类/日期 或 GET /api/v1/rounds/公墓/轮次 的内容；- 从标准输入读。",
	"export":                "导出所存的内容。",
	"export log":            "导出原始日志：每行一个 CloudEvent（JSON）和它的位置。",
	"export audit":          "导出审计包：记录、证明、签过名的检查点和公钥合成一个文件，可以不联网核对。",
	"export audit FILE":     "要写的包，是一个 ZIP 文件。",
	"export audit --from":   "从这一天起登记的记录（北京时间）。",
	"export audit --to":     "到这一天为止登记的记录。",
	"export audit --stream": "只要这些流的记录，代替日期。",
	"export log --after":    "从这个位置之后开始。",
}

// details is the long help of each command: Chinese, English.
var details = map[string][2]string{
	"": {`先试一试（会在 ./data 里建一座演示城市，并打印地址与演示账号）：

    shenzhong serve --demo

正式建一个新的数据目录，导入真实价目，然后运行：

    shenzhong import --init prices 价目目录/
    shenzhong serve --listen :8080

环境变量 SHENZHONG_* 与各选项同名，见每个命令的帮助。

退出码：0 办成；1 没有办成；2 命令行不对；3 verify 发现出入；4 导入的文件有错，什么都没有导入；5 没有日志或主密钥；6 数据目录正被别的进程使用；130 被中断。`,
		`Try it (builds a demo city in ./data and prints addresses and demo accounts):

    shenzhong serve --demo

Start a real data directory, load real price lists, run:

    shenzhong import --init prices lists/
    shenzhong serve --listen :8080

Environment variables SHENZHONG_* are named like the flags; see each command's help.

Exit codes: 0 done; 1 it could not be done; 2 wrong command line; 3 verify found differences; 4 a file to import is wrong and nothing was imported; 5 no log or no master key; 6 another process has the data directory; 130 interrupted.`},
	"serve": {`演示（数据目录为空时装入演示城市，已有时只是运行）：

    shenzhong serve --demo

正式运行，日志在外部 NATS 集群，读模型在本机：

    shenzhong serve --data /var/lib/shenzhong --nats nats://n1:4222,n2:4222 --master-key /etc/shenzhong/master.key

换一种存储只改一个选项：--store nats、--store memory 或 --store esdb://主机:2113?tls=false。

收到 SIGINT 或 SIGTERM 后，办完手上的请求再退出。第一次用一个目录时要写 --init（或 --demo），这样写错了路径不会悄悄得到一个空系统。`,
		`Demo (fills an empty data directory with a demo city; runs what is there otherwise):

    shenzhong serve --demo

In production, with the log in an external NATS cluster and the read models here:

    shenzhong serve --data /var/lib/shenzhong --nats nats://n1:4222,n2:4222 --master-key /etc/shenzhong/master.key

Changing the store is one flag: --store nats, --store memory or --store esdb://host:2113?tls=false.

On SIGINT or SIGTERM it finishes the requests in hand and leaves. The first use of a directory needs --init (or --demo), so that a mistyped path never quietly becomes an empty system.`},
	"import": {`每个文件先读完、查完，再导入第一行；有一处不对，就一点也不导入，并说明文件、行、栏目和原因。同样的内容导入两次，第二次什么也不改变。

    shenzhong import prices 大连2008.json
    shenzhong import prices 价目目录/
    shenzhong import plots 墓位.csv`,
		`Every file is read and checked before the first row is imported; one fault, and nothing is imported: the message names file, line, field and reason. Importing the same content twice changes nothing.

    shenzhong import prices dalian2008.json
    shenzhong import prices lists/
    shenzhong import plots plots.csv`},
	"import prices": {`一个文件是一家机构的一份价目表。机构由 credit_code（统一社会信用代码）或 key（小写字母、数字、短横线）指明；两者都没有时，用文件名去掉末尾年份，如 dalian_funeral_home_2008.json 即 dalian-funeral-home。

date 写 2024-03-27；只知道年份的写 2008，公示页就只显示年份。日期早于该机构现行价目表的，不予导入。

    {"institution": "某殡仪馆", "city": "某市", "division": "210200", "facility_kind": "FUNERAL_HOME",
     "source": "…", "date": "2024-03-27", "confidence": "…",
     "items": [{"code": "CRM-STD", "name_zh": "遗体火化", "name_en": "Cremation", "category": "CREMATION",
                "pricing_type": "GOV_GUIDED", "unit": "元/具", "price_fen": 90000}]}`,
		`One file is one price list of one institution. The institution is named by credit_code or by key (lower-case letters, digits, dashes); with neither, by the file's name without its year: dalian_funeral_home_2008.json is dalian-funeral-home.

date is 2024-03-27, or 2008 where only the year is known; the public page then shows the year alone. A list dated before the institution's present one is refused.

    {"institution": "某殡仪馆", "city": "某市", "division": "210200", "facility_kind": "FUNERAL_HOME",
     "source": "…", "date": "2024-03-27", "confidence": "…",
     "items": [{"code": "CRM-STD", "name_zh": "遗体火化", "name_en": "Cremation", "category": "CREMATION",
                "pricing_type": "GOV_GUIDED", "unit": "元/具", "price_fen": 90000}]}`},
	"import catalogue": {`例：

    shenzhong import catalogue --effective 2026-03-01 --document "文号" catalog.json`,
		`Example:

    shenzhong import catalogue --effective 2026-03-01 --document "No." catalog.json`},
	"import credit-policy": {`例：

    shenzhong import credit-policy credit_rules.json`,
		`Example:

    shenzhong import credit-policy credit_rules.json`},
	"import plots": {`列：cemetery, division, plot, section, row, kind, eco_type, capacity, area_cm2, stone_height_cm。kind 是 GRAVE、BODY_GRAVE、NICHE 或 ECO。cemetery 是公墓的统一社会信用代码。

    shenzhong import plots 墓位.csv`,
		`Columns: cemetery, division, plot, section, row, kind, eco_type, capacity, area_cm2, stone_height_cm. kind is GRAVE, BODY_GRAVE, NICHE or ECO. cemetery is the cemetery's credit code.

    shenzhong import plots plots.csv`},
	"simulate": {`同样的 --cases --seed --from --until、同一把主密钥，在空目录里总是得到同样的事件：各个流、流内的次序、类型、编号、内容、发生时间都相同。每次不同的只有：recordedat（记录时间）、revision 与 position（在日志中的位置）、密封的栏目（每次随机数不同）、不同的流之间各行的先后。被中断后再运行一次，从断处继续。

    shenzhong simulate --init --cases 10000 --seed 7
    shenzhong verify`,
		`The same --cases --seed --from --until in an empty directory under the same master key always give the same events: streams, order within them, types, ids, content and time of happening are equal. What differs: recordedat, revision and position (the place in the log), the sealed fields (random nonces), and the order of lines between streams. After an interruption, run it again and it goes on.

    shenzhong simulate --init --cases 10000 --seed 7
    shenzhong verify`},
	"verify": {`逐条核对日志与它的索引，把每个读模型另建一份逐行比较，再从原始日志重新点算生态安葬率、信用分、价目和树根，最后与签过的检查点比对。

    shenzhong verify && echo 一致
    shenzhong verify 12210200422000019F.json        公布的价目文件，离线核对
    shenzhong verify 12210200422000019F.csv --catalogue catalogue.json

写上文件，只核对那个文件，不需要日志，也不联网：

    shenzhong verify audit.zip
    shenzhong verify audit.zip --log-key '公钥' --pinned 留存的检查点

退出码：0 一致；3 有出入（报告列出在哪里）；其他：没有查成。`,
		`Checks every message of the log against its index, rebuilds every read model beside the live one and compares them row by row, recounts eco-burial ratio, credit scores, price lists and the tree's root from the raw log, and compares the checkpoint that was signed.

    shenzhong verify && echo agrees
    shenzhong verify 12210200422000019F.json        a published price file, offline
    shenzhong verify 12210200422000019F.csv --catalogue catalogue.json

With a file, only that is checked, without a log or a network:

    shenzhong verify audit.zip
    shenzhong verify audit.zip --log-key 'KEY' --pinned CHECKPOINT-YOU-KEPT

Exit codes: 0 agrees; 3 differs (the report says where); others: it could not be checked.`},
	"rebuild": {`例：

    shenzhong rebuild              全部
    shenzhong rebuild ecoratio     一个`,
		`Examples:

    shenzhong rebuild              all of them
    shenzhong rebuild ecoratio     one`},
	"draw": {`清明、冬至等高峰日的时段由抽签分配，公墓的位置由摇号分配。事先公布承诺，事后公布种子，任何人都可以复算：

    shenzhong draw new
    curl -s https://…/api/v1/draws/机构/hall/2026-12-22 > 抽签.json
    shenzhong draw check 抽签.json
    curl -s https://…/api/v1/rounds/公墓/2026-2 | shenzhong draw check -`,
		`Slots of peak days are drawn, and so are scarce places in cemeteries. The commitment is published beforehand, the seed afterwards; anybody can recompute the result:

    shenzhong draw new
    curl -s https://…/api/v1/draws/INSTITUTION/hall/2026-12-22 > draw.json
    shenzhong draw check draw.json
    curl -s https://…/api/v1/rounds/CEMETERY/2026-2 | shenzhong draw check -`},
	"draw new": {`抽签以前做一次：

    shenzhong draw new

承诺随公告一起公布；种子和盐写在纸上，两人各存一份，抽签时才公布。种子和承诺之间隔着 sha256，公布以后谁也换不了种子。`,
		`Once before each draw:

    shenzhong draw new

The commitment is published with the announcement. Seed and salt are written on paper, two people keep a copy each, and they are published at the draw. Between seed and commitment stands sha256: once it is published nobody can change the seed.`},
	"draw check": {`    shenzhong draw check 抽签.json

复算的办法（不用本程序也可以照做；sha256 都写成 64 位小写十六进制）：

  一、承诺 = sha256(种子 接 盐)，要与抽签前公布的相同。
  二、名单 = sha256(全部申请的业务编号，按字典序排列，每个后面一个换行)。
  三、每件业务的键 = sha256(种子 接 名单 接 业务编号)。键小的先选。
  四、轮到时，取自己志愿里第一个还没有被选走的时段；都没有了，就没有。

    seed=…; salt=…; printf '%s%s' "$seed" "$salt" | sha256sum

公墓摇号也是这样：业务编号换成申请编号，时段换成位置；没有写志愿的，按公布的位置次序全部算志愿；按等候先后的，先比 first（日期早的先选），同一天再比键。

名单进入每个键，所以公布承诺的人也不能事先挑出会排在前面的编号。申请截止后，名单就公布；留一份，开种子以后可以比较。

退出码：0 对得上，或还没有抽；3 对不上（逐行列出）；4 文件不是抽签记录。`,
		`    shenzhong draw check draw.json

How it is recomputed (with or without this program; every sha256 as 64 lower-case hex digits):

  1. commitment = sha256(seed, then salt); it must be the one published before.
  2. list = sha256(the ids of all cases that applied, sorted, each followed by a line feed).
  3. key of a case = sha256(seed, then list, then case id). The smallest key chooses first.
  4. Each takes the first of its wishes that nobody has yet; who finds none gets none.

    seed=…; salt=…; printf '%s%s' "$seed" "$salt" | sha256sum

A round for places in a cemetery is drawn in the same way: application numbers for case ids, places for slots; who names no wish wishes for all places, in the order of the list; where the round goes by waiting, an earlier "first" (a day) comes before any key.

The list is part of every key, so that whoever made the commitment cannot look for an id that comes first. Applications are published when they close: keep a copy and compare it after the seed is opened.

Exit codes: 0 it comes out, or nothing was drawn yet; 3 it does not, and in which line; 4 the file is no record of a draw.`},
	"export": {`例：

    shenzhong export log > log.ndjson`, `Example:

    shenzhong export log > log.ndjson`},
	"export log": {`任何人都可以用它自己重新点算。个人信息保持密封。

    shenzhong export log > log.ndjson
    shenzhong export log --after 123456 | jq .type`,
		`With it anyone can recount by himself. Personal data stays sealed.

    shenzhong export log > log.ndjson
    shenzhong export log --after 123456 | jq .type`},
	"export audit": {`交给审计、检察或媒体的一个文件。个人信息保持密封；文件权限只给自己，请按规定交接。

    shenzhong export audit audit.zip
    shenzhong export audit --from 2026-10-01 --to 2026-10-31 october.zip
    shenzhong export audit --stream case-01939f2e-5c1a-7d0e-8f00-4b1d2a3c4d5f case.zip

用了 serve 的数据目录要先停下 serve。核对：shenzhong verify audit.zip`,
		`One file for auditors, prosecutors or journalists. Personal data stays sealed; only you can read the file, hand it on as the rules say.

    shenzhong export audit audit.zip
    shenzhong export audit --from 2026-10-01 --to 2026-10-31 october.zip
    shenzhong export audit --stream case-01939f2e-5c1a-7d0e-8f00-4b1d2a3c4d5f case.zip

Stop serve first when it uses the data directory. To check: shenzhong verify audit.zip`},
	"witness": {`在自己的电脑上运行，不要放在平台的机器上。它只用平台公开的地址；把它显示的公钥交给平台，写进数据目录的 tlog/witnesses：

    shenzhong witness --log https://平台/tlog --log-key '公钥' --name notary.example.cn/w1

退出码 3：平台给出了另一本历史，没有签，证据留在 --state 旁边。`,
		`Run it on a computer of your own, not on the platform's. It uses only the platform's public addresses; have the key that it shows written into tlog/witnesses in the platform's data directory:

    shenzhong witness --log https://PLATFORM/tlog --log-key 'KEY' --name notary.example.cn/w1

Exit code 3: the platform shows another history; nothing was signed, the evidence lies beside --state.`},
	"bench": {`每个数字旁边是同一次运行里的原生 JetStream；机器有别人在用时，看比值。

    shenzhong bench
    shenzhong bench --events 3000000 --dir /mnt/disk`,
		`Each figure stands beside raw JetStream of the same run; on a shared machine look at the ratios.

    shenzhong bench
    shenzhong bench --events 3000000 --dir /mnt/disk`},
	"account": {`先建账号，再运行 serve：

    shenzhong account desk-0101 --role desk --of 12210202DEM000014H
    shenzhong account regulator-0501 --role regulator --of "*"

账号是岗位的代号，会写进每个事件；不要用人的名字。对已有的账号再运行一次，就换一个新令牌。`,
		`Make accounts, then run serve:

    shenzhong account desk-0101 --role desk --of 12210202DEM000014H
    shenzhong account regulator-0501 --role regulator --of "*"

An account is the name of a workplace and stands in every event; never a person's name. Run it again for an account that is there, and it gets a new token.`},
}
