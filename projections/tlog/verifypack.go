package tlog

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/domain"
)

// A Trust is what who checks a pack knows from elsewhere.
type Trust struct {
	LogKey string // the log's verifier key; empty: the pack's own is taken
	// Pinned is a checkpoint that was kept; the pack must extend it.
	Pinned []byte
}

// A Fault is one thing wrong in a pack.
type Fault struct {
	File   string // in the pack; empty for the pack as a whole
	Line   int    // from 1; 0 where there are none
	Offset int64  // of the first byte in question in the pack's file, from 0; -1 unknown
	Zh, En string
}

// A PackReport says what was checked of a pack, and what was not.
type PackReport struct {
	Checkpoint Signed
	Scope      string
	Entries    int64
	First, End int64 // of the leaves: from First up to, not including, End
	Tiles      int
	Faults     []Fault
	Count      int // of all faults, also those not kept

	trust     Trust
	keys      []Key
	witnesses []Key
	witnessed Signed
	pinned    Signed
	pinOK     bool
	pinWhy    [2]string // why the pin could not be compared
}

// OK says that nothing is wrong.
func (p *PackReport) OK() bool { return p.Count == 0 }

func (p *PackReport) fault(f Fault) {
	if p.Count++; len(p.Faults) < 50 {
		p.Faults = append(p.Faults, f)
	}
}

// ErrNoPack reports a file that is not an audit pack.
var ErrNoPack = errors.New("tlog: not an audit pack")

// A pack is an open pack file.
type pack struct {
	*PackReport
	files map[string]*zip.File
	tiles map[[2]int64][]byte
}

// VerifyPack checks a pack with nothing but its own bytes and what the caller
// trusts. What is wrong is in the report; an error means that it could not be
// read, or is no pack.
func VerifyPack(r io.ReaderAt, size int64, trust Trust) (*PackReport, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPack, err)
	}
	p := &pack{&PackReport{trust: trust, First: -1}, map[string]*zip.File{}, map[[2]int64][]byte{}}
	for _, f := range z.File {
		p.files[f.Name] = f
	}
	if p.files["checkpoint"] == nil && p.files["manifest"] == nil {
		return nil, ErrNoPack
	}
	for _, f := range z.File {
		if p.files[f.Name] != f {
			p.fault(Fault{f.Name, 0, offset(f), "同名的文件有两个。", "there are two files of this name."})
		}
	}
	if p.signatures() {
		p.tree()
		p.entries()
	}
	p.manifest(z.File)
	if p.OK() {
		p.container(r, size, z.File)
	}
	return p.PackReport, nil
}

func offset(f *zip.File) int64 {
	at, err := f.DataOffset()
	if err != nil {
		return -1
	}
	return at
}

// read is a small file's content, also when its check sum is wrong: what is
// wrong in it shall be named.
func (p *pack) read(name string) []byte {
	f := p.files[name]
	if f == nil {
		p.fault(Fault{name, 0, -1, "缺少这个文件。", "this file is missing."})
		return nil
	}
	r, err := f.Open()
	if err != nil {
		p.fault(Fault{name, 0, -1, "打不开。", "it cannot be opened."})
		return nil
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil && !errors.Is(err, zip.ErrChecksum) {
		p.fault(Fault{name, 0, offset(f), "读不完整。", "it cannot be read to its end."})
		return nil
	}
	return b
}

// signatures opens the checkpoints; without them nothing else can be checked.
func (p *pack) signatures() bool {
	for name, into := range map[string]*[]Key{"keys": &p.keys, "witnesses": &p.witnesses} {
		var err error
		if *into, err = ParseKeys(p.read(name)); err != nil {
			p.fault(Fault{name, 0, offsetOf(p.files[name]), "里面的公钥不对。", "a key in it is not valid."})
		}
	}
	if p.trust.LogKey != "" {
		v, err := ParseVerifier(p.trust.LogKey)
		if err != nil {
			p.fault(Fault{"", 0, -1, "--log-key 不是公钥。", "--log-key is no verifier key."})
			return false
		}
		p.keys = []Key{{v, p.trust.LogKey, ""}}
	}
	var err error
	if p.Checkpoint, err = OpenCheckpoint(p.read("checkpoint"), verifiers(p.keys), verifiers(p.witnesses)); err != nil {
		p.fault(Fault{"checkpoint", 0, offsetOf(p.files["checkpoint"]), "签名不成立：检查点、签名或公钥有改动，或者不是这把钥匙签的。", "the signatures do not hold: checkpoint, signature or key was changed, or another key signed it."})
		return false
	}
	if p.files["witnessed"] != nil {
		if p.witnessed, err = OpenCheckpoint(p.read("witnessed"), verifiers(p.keys), verifiers(p.witnesses)); err != nil || p.witnessed.Size > p.Checkpoint.Size || p.witnessed.Origin != p.Checkpoint.Origin {
			p.fault(Fault{"witnessed", 0, offsetOf(p.files["witnessed"]), "签名不成立。", "the signatures do not hold."})
			p.witnessed = Signed{}
		}
	}
	if p.trust.Pinned != nil {
		if p.pinned, err = OpenCheckpoint(p.trust.Pinned, verifiers(p.keys), nil); err != nil {
			p.pinned = Signed{}
			p.pinWhy = [2]string{"留存的检查点上没有这把钥匙的有效签名", "the checkpoint that was kept bears no valid signature of this key"}
		}
	}
	return true
}

func offsetOf(f *zip.File) int64 {
	if f == nil {
		return -1
	}
	return offset(f)
}

// tree checks every tile against the one above it and all against the root.
func (p *pack) tree() {
	size := p.Checkpoint.Size
	for name := range p.files {
		if !strings.HasPrefix(name, "tile/") {
			continue
		}
		t, ok := ParseTilePath(name)
		b := p.read(name)
		if !ok || t != tileOf(t.L, t.N, size) || len(b) != t.W*hashSize {
			p.fault(Fault{name, 0, offsetOf(p.files[name]), "这块瓦片的名称或长度不对。", "this tile's name or length is wrong."})
			continue
		}
		p.tiles[[2]int64{int64(t.L), t.N}] = b
	}
	p.Tiles = len(p.tiles)
	// What is not full leads to the root. What is full leads to the tile above
	// it: one that does not fit a tile which is right is wrong itself, and below
	// a wrong one nothing can be said.
	keys := slices.SortedFunc(maps.Keys(p.tiles), func(a, b [2]int64) int { return cmp.Or(cmp.Compare(b[0], a[0]), cmp.Compare(a[1], b[1])) })
	wrong := map[[2]int64]bool{}
	blame := func(k [2]int64, zh, en string) {
		name := TilePath(tileOf(int(k[0]), k[1], size))
		wrong[k] = true
		p.fault(Fault{name, 0, offsetOf(p.files[name]), zh, en})
	}
	fits := func(k [2]int64) bool {
		above, top, i := p.tiles[[2]int64{k[0] + 1, k[1] / width}], subtree(p.tiles[k]), int(k[1]%width)*hashSize
		return i+hashSize <= len(above) && bytes.Equal(above[i:i+hashSize], top[:])
	}
	rooted := true
	if root, err := merkle.TreeHash(size, p); err != nil || root != p.Checkpoint.Root {
		rooted = false
		edge := map[[2]int64]bool{}
		for _, k := range keys {
			if up := [2]int64{k[0] + 1, k[1] / width}; len(p.tiles[k]) < width*hashSize {
				edge[k] = true
			} else if edge[up] && !fits(k) && !wrong[up] {
				blame(up, "这块瓦片与它下面的一块、与检查点的根都对不上。", "this tile fits neither the one below it nor the checkpoint's root.")
			}
		}
		if last := [2]int64{0, size / width}; len(wrong) == 0 && edge[last] {
			blame(last, "这块瓦片与检查点的根对不上。", "this tile does not fit the checkpoint's root.")
		} else if len(wrong) == 0 {
			p.fault(Fault{"", 0, -1, "右边缘的瓦片合不成检查点的根。", "the tiles at the right edge do not make the checkpoint's root."})
		}
	}
	for _, k := range keys {
		up := [2]int64{k[0] + 1, k[1] / width}
		switch {
		case len(p.tiles[k]) < width*hashSize:
		case wrong[up]:
			wrong[k] = true
		case !fits(k):
			blame(k, "这块瓦片与它上面的一块对不上。", "this tile does not fit the one above it.")
		}
	}
	if !rooted {
		return
	}
	if p.witnessed.Note != nil {
		if root, err := merkle.TreeHash(p.witnessed.Size, p); err != nil || root != p.witnessed.Root {
			p.fault(Fault{"witnessed", 0, -1, "见证人签过的历史与检查点的不同。", "the history that witnesses signed is not that of the checkpoint."})
		}
	}
	p.pin()
}

// pin compares the checkpoint that the caller kept.
func (p *pack) pin() {
	if p.pinned.Note == nil {
		return
	}
	c := p.pinned.Checkpoint
	if c.Origin != p.Checkpoint.Origin {
		p.pinWhy = [2]string{"留存的检查点是另一本记录的", "the checkpoint that was kept is of another log"}
		return
	}
	if c.Size > p.Checkpoint.Size {
		p.pinWhy = [2]string{"留存的检查点比包里的新", "the checkpoint that was kept is newer than that of the pack"}
		return
	}
	root := Hash(sha256.Sum256(nil))
	if c.Size > 0 {
		var err error
		if root, err = merkle.TreeHash(c.Size, p); err != nil {
			p.pinWhy = [2]string{"包里没有为那个长度带证明；请用全部记录的包，或向平台要 consistency.json", "the pack brings no proof for that size; take a pack of all events, or ask the platform for consistency.json"}
			return
		}
	}
	if root != c.Root {
		p.fault(Fault{"checkpoint", 0, -1, fmt.Sprintf("包里的历史与留存的检查点（%d 条）不是同一本：有人改写过历史。请留存两份，都是平台签过名的证据。", c.Size),
			fmt.Sprintf("the pack's history is not that of the checkpoint that was kept (%d events): somebody rewrote it. Keep both: they are evidence signed by the platform.", c.Size)})
		return
	}
	p.pinOK = true
}

// ReadHashes implements merkle.HashReader over the pack's tiles.
func (p *pack) ReadHashes(indexes []int64) ([]Hash, error) {
	hs := make([]Hash, len(indexes))
	for i, index := range indexes {
		t := merkle.TileForIndex(height, index)
		b, ok := p.tiles[[2]int64{int64(t.L), t.N}]
		if !ok {
			return nil, fmt.Errorf("tlog: the pack has no tile %d/%d", t.L, t.N)
		}
		var err error
		if hs[i], err = merkle.HashFromTile(t, b, index); err != nil {
			return nil, err
		}
	}
	return hs, nil
}

// entries compares every line with its leaf.
func (p *pack) entries() {
	const name = "entries.ndjson"
	f := p.files[name]
	if f == nil {
		p.fault(Fault{name, 0, -1, "缺少这个文件。", "this file is missing."})
		return
	}
	rc, err := f.Open()
	if err != nil {
		p.fault(Fault{name, 0, -1, "打不开。", "it cannot be opened."})
		return
	}
	defer rc.Close()
	in, at := bufio.NewReaderSize(rc, 1<<16), offset(f)
	last := int64(-1)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, zip.ErrChecksum) {
				p.fault(Fault{name, n, at, "读不完整。", "it cannot be read to its end."})
			}
			break
		}
		p.entry(Fault{name, n, at, "", ""}, line, &last)
		p.Entries++
		at += int64(len(line))
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, zip.ErrChecksum) {
			break
		}
	}
	p.End = last + 1
}

func (p *pack) entry(f Fault, line []byte, last *int64) {
	end := f.Offset + int64(len(line)) - 1
	bad := func(zh, en string) {
		f.Zh, f.En = fmt.Sprintf("%s（文件第 %d 至 %d 字节）", zh, f.Offset, end), fmt.Sprintf("%s (bytes %d to %d of the file)", en, f.Offset, end)
		p.fault(f)
	}
	r, index, err := parseLine(line)
	if err != nil {
		bad("这一行读不懂，内容有改动", "this line cannot be understood; it was changed")
		return
	}
	if index <= *last || index >= p.Checkpoint.Size {
		bad(fmt.Sprintf("这一行的序号 %d 不对", index), fmt.Sprintf("the index %d of this line is wrong", index))
		return
	}
	if p.First < 0 {
		p.First = index
	}
	// What is not all days' is a range without gaps, unless it is of streams.
	if *last >= 0 && index != *last+1 && !strings.HasPrefix(p.scope(), "streams ") {
		bad(fmt.Sprintf("这一行以前少了第 %d 至 %d 条", *last+1, index-1), fmt.Sprintf("leaves %d to %d are missing before this line", *last+1, index-1))
	}
	*last = index
	tile := p.tiles[[2]int64{0, index / width}]
	i := int(index%width) * hashSize
	if i+hashSize > len(tile) {
		bad(fmt.Sprintf("第 %d 条没有证明", index), fmt.Sprintf("leaf %d is not proved", index))
		return
	}
	h := LeafHash(&r)
	if !bytes.Equal(h[:], tile[i:i+hashSize]) {
		bad(fmt.Sprintf("第 %d 条（事件 %s）与树上的叶子不符：这条记录或它的叶子有改动", index, r.ID), fmt.Sprintf("leaf %d (event %s) is not what the tree holds: the entry or its leaf was changed", index, r.ID))
		return
	}
	if again, err := formatLine(&r, index); err != nil || !bytes.Equal(again, line) {
		bad(fmt.Sprintf("第 %d 条的内容不变，写法有改动", index), fmt.Sprintf("leaf %d says the same in another form", index))
	}
}

// scope is what the manifest says, believed only with the manifest.
func (p *pack) scope() string {
	if p.Scope == "" {
		for _, l := range strings.Split(string(p.read("manifest")), "\n") {
			if s, ok := strings.CutPrefix(l, "scope "); ok {
				p.Scope = s
				break
			}
		}
	}
	return p.Scope
}

// manifest checks its signature and every file's sum.
func (p *pack) manifest(files []*zip.File) {
	b := p.read("manifest")
	if b == nil {
		return
	}
	n, err := openNote(b, verifiers(p.keys))
	if err != nil || !strings.HasPrefix(n.Text, packFirstLine+"\norigin "+p.Checkpoint.Origin+"\n") {
		p.fault(Fault{"manifest", 0, offsetOf(p.files["manifest"]), "签名不成立：文件清单有改动。", "the signature does not hold: the manifest was changed."})
		return
	}
	listed := map[string]bool{"manifest": true}
	for _, l := range strings.Split(strings.TrimSuffix(n.Text, "\n"), "\n")[2:] {
		if s, ok := strings.CutPrefix(l, "scope "); ok {
			p.Scope = s
			continue
		}
		if s, ok := strings.CutPrefix(l, "entries "); ok {
			if want, err := strconv.ParseInt(s, 10, 64); err == nil && want != p.Entries {
				p.fault(Fault{"entries.ndjson", 0, -1, fmt.Sprintf("应有 %d 条，实有 %d 条。", want, p.Entries), fmt.Sprintf("it should have %d entries and has %d.", want, p.Entries)})
			}
			continue
		}
		ps := strings.SplitN(l, " ", 3)
		if len(ps) != 3 {
			continue
		}
		name := ps[2]
		listed[name] = true
		f := p.files[name]
		if f == nil {
			p.fault(Fault{name, 0, -1, "缺少这个文件。", "this file is missing."})
			continue
		}
		sum, size := p.sum(f)
		if sum != ps[0] || strconv.FormatInt(size, 10) != ps[1] {
			if !slices.ContainsFunc(p.Faults, func(o Fault) bool { return o.File == name }) {
				p.fault(Fault{name, 0, offset(f), "内容与清单不符，有改动。", "it is not what the manifest says; it was changed."})
			}
		}
	}
	for _, f := range files {
		if !listed[f.Name] {
			p.fault(Fault{f.Name, 0, offset(f), "清单里没有这个文件。", "the manifest does not know this file."})
		}
	}
}

func (p *pack) sum(f *zip.File) (string, int64) {
	r, err := f.Open()
	if err != nil {
		return "", 0
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil && !errors.Is(err, zip.ErrChecksum) {
		return "", n
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), n
}

// container writes the pack once more and compares every byte: what no content
// covers, such as the ZIP's own directory.
func (p *pack) container(r io.ReaderAt, size int64, files []*zip.File) {
	c := &comparer{r: io.NewSectionReader(r, 0, size), differ: -1}
	z := zip.NewWriter(c)
	for _, f := range files {
		in, err := f.Open()
		if err != nil {
			break
		}
		out, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(out, in)
		}
		in.Close()
		if err != nil {
			break
		}
	}
	if err := z.Close(); err == nil && c.differ < 0 && c.at < size {
		c.differ = c.at
	}
	if c.differ >= 0 {
		p.fault(Fault{"", 0, c.differ, fmt.Sprintf("压缩包的外壳从第 %d 字节起不是原样，里面的内容没有变。", c.differ), fmt.Sprintf("the ZIP's own bytes differ from byte %d on; the contents are unchanged.", c.differ)})
	}
}

// A comparer compares what is written with what is there.
type comparer struct {
	r      io.Reader
	at     int64
	differ int64 // the first byte that is another; -1
}

func (c *comparer) Write(b []byte) (int, error) {
	have := make([]byte, len(b))
	n, _ := io.ReadFull(c.r, have)
	if c.differ < 0 {
		for i := range b {
			if i >= n || have[i] != b[i] {
				c.differ = c.at + int64(i)
				break
			}
		}
	}
	c.at += int64(len(b))
	return len(b), nil
}

// Lines is the report for a person, in "zh" or "en".
func (p *PackReport) Lines(lang string) []string {
	var ls []string
	say := func(zh, en string, args ...any) {
		if lang == "en" {
			zh = en
		}
		ls = append(ls, fmt.Sprintf(zh, args...))
	}
	text := func(f Fault) string {
		where := f.File
		if f.Line > 0 {
			if lang == "en" {
				where += fmt.Sprintf(" line %d", f.Line)
			} else {
				where += fmt.Sprintf(" 第 %d 行", f.Line)
			}
		} else if f.File != "" && f.Offset >= 0 {
			if lang == "en" {
				where += fmt.Sprintf(" (from byte %d)", f.Offset)
			} else {
				where += fmt.Sprintf("（从第 %d 字节起）", f.Offset)
			}
		}
		if lang == "en" {
			return strings.TrimPrefix(where+": "+f.En, ": ")
		}
		return strings.TrimPrefix(where+"："+f.Zh, "：")
	}
	c := p.Checkpoint
	if c.Note != nil {
		say("已核对：", "Checked:")
		say("  检查点：%s，%d 条，指纹 %s，平台的签名有效。", "  Checkpoint: %s, %d events, root %s; the platform's signature holds.", c.Origin, c.Size, c.Root)
		for _, k := range p.witnesses {
			for _, s := range slices.Concat(c.Cosigned, p.witnessed.Cosigned) {
				if s.Witness == k.Name() {
					say("  见证人 %s：签到第 %d 条，%s。", "  Witness %s: signed up to event %d, %s.", k.Title(), s.Size, domain.FormatTime(s.Time))
				}
			}
		}
		if p.OK() {
			say("  证明：%d 块瓦片，合成的根与检查点相同。", "  Proof: %d tiles; they make the checkpoint's root.", p.Tiles)
			say("  记录：%d 条，逐条与树上的叶子相同（第 %d 至 %d 条）。", "  Entries: %d, each is the leaf that the tree holds (%d to %d).", p.Entries, p.First, p.End-1)
			say("  文件清单：签名有效，每个文件、每个字节都是原样。", "  Manifest: its signature holds; every file and every byte is as it was made.")
		}
		if p.pinOK {
			say("  留存的检查点（%d 条）：包里的历史延续它。", "  The checkpoint that was kept (%d events): the pack's history extends it.", p.pinned.Size)
		}
		say("没有核对：", "Not checked:")
		if p.trust.LogKey == "" {
			say("  公钥是不是平台的。请与另外得到的比对，或加 --log-key：", "  Whether the keys are the platform's. Compare them with what you have from elsewhere, or give --log-key:")
			for _, k := range p.keys {
				say("    %s", "    %s", k.Text)
			}
		}
		if p.trust.Pinned == nil {
			say("  是否延续以前的历史。留存过检查点的，加 --pinned。", "  Whether it extends what was shown before. Give --pinned if you kept a checkpoint.")
		} else if !p.pinOK && p.pinWhy[0] != "" {
			say("  是否延续留存的检查点："+p.pinWhy[0]+"。", "  Whether it extends the checkpoint that was kept: "+p.pinWhy[1]+".")
		}
		missing := 0
		for _, k := range p.witnesses {
			if !slices.ContainsFunc(slices.Concat(c.Cosigned, p.witnessed.Cosigned), func(s Cosignature) bool { return s.Witness == k.Name() }) {
				say("  见证人 %s 没有签：可能没有来看，也可能看到前后不一致。请直接问该单位。", "  Witness %s did not sign: it may not have looked, or may have seen two histories. Ask it directly.", k.Title())
				missing++
			}
		}
		if len(p.witnesses) == missing {
			say("  没有任何见证人的签名：掌握整台服务器和签名钥匙的人可以另写一本历史。", "  There is no witness's signature: who holds the whole server and the signing key could write another history.")
		}
		if strings.HasPrefix(p.Scope, "streams ") {
			say("  这些流的记录是否都在包里（%s）。能证明的是：在包里的都没有改动。", "  Whether all events of these streams are in the pack (%s). What is proved: those that are were not changed.", strings.TrimPrefix(p.Scope, "streams "))
		} else if strings.HasPrefix(p.Scope, "days ") {
			say("  第一条以前、最后一条以后的记录是否也属于这些日期（%s）。中间没有缺。", "  Whether events before the first or after the last belong to these days, too (%s). None is missing in between.", strings.TrimPrefix(p.Scope, "days "))
		}
		say("  密封的个人信息没有解开；当初写的是否属实，要另查。", "  Sealed personal data was not opened; whether what was written was true is another question.")
	}
	if p.OK() {
		say("结论：没有发现改动。", "Result: no change was found.")
		return ls
	}
	say("不对的地方，%d 处：", "Wrong, %d places:", p.Count)
	for _, f := range p.Faults {
		ls = append(ls, "  "+text(f))
	}
	if more := p.Count - len(p.Faults); more > 0 {
		say("  另有 %d 处。", "  and %d more.", more)
	}
	say("结论：这个包不能作为凭据。", "Result: this pack is no evidence.")
	return ls
}
