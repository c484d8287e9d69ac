package casefile

import (
	"fmt"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/schedule"
)

// say tells an event in one line, in both languages. It names nobody and no
// number of anybody: who may see those reads them from the event.
func say(body any) (zh, en string) {
	f := func(zh, en string, args ...any) (string, string) {
		if len(args) == 0 {
			return zh, en
		}
		return fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...)
	}
	// A word in both languages, and a pair of formats that take it.
	word := func(zh, en string, w [2]string, rest ...any) (string, string) {
		return fmt.Sprintf(zh, append([]any{w[0]}, rest...)...), fmt.Sprintf(en, append([]any{w[1]}, rest...)...)
	}
	paper := func(c booking.Code) [2]string { zh, en := c.Names(); return [2]string{zh, en} }
	method := func(m booking.Method) [2]string { zh, en := m.Names(); return [2]string{zh, en} }
	place := func(p cremation.Place) [2]string {
		zh, en := PlaceNames(p, func(string) (string, string) { return "", "" })
		return [2]string{zh, en}
	}
	switch b := body.(type) {
	case booking.Opened:
		return word("建立业务单 %[2]s（%[1]s）", "Case %[2]s opened (%[1]s)", sources[b.Source], b.Number)
	case booking.SlotAttached:
		return f("排定时间 %s %s", "Time attached: %s %s", b.Slot.Resource, domain.FormatTime(b.Slot.Start))
	case booking.SlotDetached:
		return f("退回时间 %s %s", "Time given up: %s %s", b.Resource, b.Day)
	case booking.Quoted:
		return f("报价 %s 元，减免 %s 元", "Quoted %s yuan, relief %s yuan", b.Total, b.Relief)
	case booking.QuoteDeclined:
		return f("家属不同意报价", "The family declined the quote")
	case booking.Consented:
		return f("家属同意报价 %s 元", "The family agreed to the quote of %s yuan", b.Total)
	case booking.Charged:
		return f("计费：%[1]s %[3]s 元", "Charged: %[2]s, %[3]s yuan", b.Line.NameZh, b.Line.NameEn, b.Line.Amount)
	case booking.ChargeRefused:
		return f("收费被拒：%s %s 元（%s）", "A charge was refused: %s, %s yuan (%s)", b.Item, b.Amount, b.Rule)
	case booking.ReliefClaimed:
		return f("申请惠民减免，待核定", "Relief claimed, to be decided")
	case booking.ReliefGranted:
		return f("惠民减免核定，规则 %s %s", "Relief granted under %s %s", b.Rule, b.Version)
	case booking.ReliefDeclined:
		return f("惠民减免未核定", "Relief not granted")
	case booking.ReliefApplied:
		return f("减免 %s 元", "Relief of %s yuan", b.Amount)
	case booking.Paid:
		return word("收款 %[2]s 元（%[1]s）", "Paid %[2]s yuan (%[1]s)", method(b.Method), b.Amount)
	case booking.Refunded:
		return f("退费 %s 元，应退现款 %s 元", "Refund of %s yuan, of it %s yuan in money", b.Amount, b.Returned)
	case booking.RefundPaid:
		return word("退款 %[2]s 元（%[1]s）", "Money back: %[2]s yuan (%[1]s)", method(b.Method), b.Amount)
	case booking.ReceiptIssued:
		return f("开票据 %s，%s 元", "Receipt %s of %s yuan", b.Number, b.Amount)
	case booking.ReceiptReprinted:
		return f("补打票据 %s，第 %d 次", "Receipt %s printed again, copy %d", b.Number, b.Copy)
	case booking.CircumstancesRecorded:
		return f("登记死亡地点和情形", "Circumstances recorded")
	case booking.PaperReceived:
		return word("收到%s", "Received: %s", paper(b.Paper))
	case booking.PaperPromised:
		return word("容缺：%s，%s 前补交", "May follow: %s, until %s", paper(b.Paper), b.Due)
	case booking.PaperLapsed:
		return word("%s 逾期未补，期限 %s", "Overdue: %s, due %s", paper(b.Paper), b.Due)
	case booking.OfficeNotified:
		return word("通报%s", "Told: %s", offices[b.Office])
	case booking.Authorised:
		return f("登记承办人办理依据", "Authority of the handler recorded")
	case booking.Challenged:
		return f("有亲属提出不同意见", "A relative disputes who acts")
	case booking.ChallengeResolved:
		return f("不同意见处理完毕，依据 %s", "The dispute was resolved, by %s", b.Document)
	case booking.HandlerReplaced:
		return f("更换承办人，依据 %s", "Another handler took over, by %s", b.Document)
	case booking.Amended:
		return f("修改登记资料", "Particulars amended")
	case booking.ParticularsFixed:
		return f("火化开始，资料只能更正", "The cremation has begun; particulars are corrected only")
	case booking.Corrected:
		return word("更正%s：%s", "Corrected: %s (%s)", fieldNames[b.Field], b.Reason)
	case booking.Clarified:
		return word("补充说明%s", "Clarified: %s", fieldNames[b.Field])
	case booking.ServicePlanned:
		return word("安排%s，%s", "Planned: %s, %s", ceremonies[b.Ceremony], domain.FormatTime(b.From))
	case booking.ServiceStarted:
		return f("仪式开始", "The ceremony began")
	case booking.ServiceEnded:
		return f("仪式结束", "The ceremony ended")
	case booking.ContactPreferred:
		return f("登记联系方式偏好", "Way of contact recorded")
	case booking.TrackingIssued:
		return f("发给查询码", "Tracking code issued")
	case booking.Rated:
		return f("家属评价：%d 级", "The family rated: %d of 5", b.Level)
	case booking.Cancelled:
		return word("取消：%s", "Cancelled: %s", reasons[b.Reason])
	case booking.Closed:
		return f("办结", "Closed")

	case cremation.TagIssued:
		return f("发标签 %s", "Tag %s issued", b.Tag)
	case cremation.RemainsCollected:
		return word("接运，至%s", "Collected, into %s", place(b.Into))
	case cremation.RemainsArrived:
		return word("入馆，到%s", "Arrived: %s", place(b.To))
	case cremation.RemainsTagged:
		return f("系标签 %s", "Tagged %s", b.Tag)
	case cremation.RemainsMoved:
		return word("移至%s", "Moved to %s", place(b.To))
	case cremation.ConditionRecorded:
		return f("登记遗体情况", "Condition recorded")
	case cremation.PrecautionsRecorded:
		return f("登记防护措施", "Precautions recorded")
	case cremation.BelongingsListed:
		return f("登记随身物品 %d 件", "Belongings listed: %d", len(b.Items))
	case cremation.BelongingsSettled:
		if b.Fate == cremation.LeftWith {
			return f("随身物品 %d 件，家属要求随遗体", "Belongings left with the remains: %d", len(b.Items))
		}
		return f("交还随身物品 %d 件", "Belongings handed over: %d", len(b.Items))
	case cremation.Identified:
		return f("家属辨认，确认是本人", "Recognised by the family")
	case cremation.NotRecognised:
		return f("家属辨认，表示不是本人", "A relative said that this is somebody else")
	case cremation.WaiverAsked:
		return f("提出免予辨认", "A waiver of identification was asked for")
	case cremation.IdentificationWaived:
		return f("同意免予辨认", "Identification waived")
	case cremation.VigilBegan:
		return f("守灵开始", "Vigil began")
	case cremation.VigilEnded:
		return f("守灵结束", "Vigil ended")
	case cremation.StorageExtended:
		return f("同意延期存放到 %s", "Storage extended until %s", b.Until)
	case cremation.RemainsHandedOver:
		return f("遗体移交，依据 %s", "Remains handed over, by %s", b.Paper)
	case cremation.CustodyEnded:
		return f("遗体保管结束", "Custody of the remains ended")
	case cremation.Stored:
		return word("存入%s", "Stored in %s", place(b.Bay.Place()))
	case cremation.Removed:
		return word("移出%s", "Taken out of %s", place(b.Bay.Place()))

	case cremation.Received:
		return f("接收遗体，标签 %s", "Remains received, tag %s", b.Tag)
	case cremation.DeathCertificateRecorded:
		if b.Verified {
			return f("死亡证明已核", "Death certificate recorded and compared")
		}
		return f("登记死亡证明，未核", "Death certificate recorded, not compared")
	case cremation.ConfirmationSigned:
		return f("签火化确认书", "Cremation confirmation signed")
	case cremation.PolicePaperRecorded:
		return f("登记公安机关证明", "Police paper recorded")
	case cremation.HoldPlaced:
		return word("暂停办理：%s", "Hold placed: %s", holds[b.Kind])
	case cremation.HoldLifted:
		return word("解除暂停：%s", "Hold lifted: %s", holds[b.Kind])
	case cremation.IdentityVerified:
		return f("火化前核验", "Identity verified before the cremation")
	case cremation.Started:
		return f("入炉火化，%s", "Cremation started, %s", b.Furnace)
	case cremation.Completed:
		return f("火化结束，%s", "Cremation ended, %s", b.Furnace)
	case cremation.TelemetryRecorded:
		return f("火化机自动记录", "Recorded by the furnace itself")
	case cremation.AnomalyFlagged:
		return f("异常待查", "An anomaly, to be looked into")
	case cremation.AnomalyExplained:
		return f("异常已查明：%s", "The anomaly was explained: %s", b.Reason)
	case cremation.Corrected:
		return f("更正火化记录：%s", "Cremation record corrected: %s", b.Reason)
	case cremation.Clarified:
		return f("火化记录补充说明", "Cremation record clarified")
	case cremation.AshesCollected:
		return f("收齐骨灰 %d 克，%d 个容器", "Ashes collected: %d g, %d containers", b.WeightG, b.Containers)
	case cremation.AshesSplit:
		return f("骨灰分装 %d 份", "Ashes divided into %d", len(b.Into))
	case cremation.AshesMoved:
		return word("骨灰移至%s", "Ashes moved to %s", place(b.To))
	case cremation.AshesDeposited:
		return f("骨灰寄存，至 %s", "Ashes deposited until %s", b.Until)
	case cremation.DepositExtended:
		return f("寄存延期至 %s", "Deposit extended until %s", b.Until)
	case cremation.AshesWithdrawn:
		return f("取出寄存的骨灰", "Ashes withdrawn")
	case cremation.NoticePublished:
		return f("发布认领公告 %s", "Notice published: %s", b.Document)
	case cremation.ReleaseCodeIssued:
		return f("发送领取骨灰的一次性号码", "One-time code sent")
	case cremation.ReleaseCodeWrong:
		return f("一次性号码不对", "A wrong one-time code")
	case cremation.AshesReleased:
		return f("家属领取骨灰", "Ashes handed over")
	case cremation.RestProposed:
		return f("提出安放无人领取的骨灰，依据 %s", "A resting place was proposed, by %s", b.Document)
	case cremation.LaidToRest:
		return f("骨灰安放，依据 %s", "Ashes laid to rest, by %s", b.Document)
	case cremation.CertificateIssued:
		if b.Replaces != "" {
			return f("补开火化证明 %s，%s 作废", "Certificate %s issued in place of %s", b.Number, b.Replaces)
		}
		return f("开火化证明 %s", "Certificate %s issued", b.Number)
	case cremation.CertificateRegistered:
		return f("登记火化证明编号 %s", "Certificate number %s registered", b.Number)
	case cremation.CertificateCollected:
		return f("领取火化证明", "Certificate collected")
	case cremation.CertificateFiled:
		return f("火化证明存根归档 %s", "Counterfoil filed: %s", b.File)
	case cremation.CertificateVoided:
		return f("火化证明作废：%s", "Certificate voided: %s", b.Reason)
	case cremation.CertificateDeregistered:
		return f("火化证明核销：%s", "Certificate number struck off: %s", b.Reason)
	case cremation.FurnaceCharged:
		return f("占用火化机", "Furnace charged")
	case cremation.ChamberInspected:
		if !b.Clear {
			return f("查看炉膛，有遗留：%s", "Chamber inspected, not clear: %s", b.Finding)
		}
		return f("查看炉膛，已清", "Chamber inspected, clear")
	case cremation.FurnaceEmptied:
		return f("火化机清空", "Furnace emptied")
	case cremation.FurnaceChargeAborted:
		return f("取消占用火化机：%s", "Charge of the furnace taken back: %s", b.Reason)

	case schedule.Held:
		return f("暂留 %s，到 %s", "Held %s until %s", domain.FormatTime(b.Start), domain.FormatTime(b.Until))
	case schedule.Confirmed:
		return f("时间定下", "Time confirmed")
	case schedule.Released:
		return word("时间放回：%s", "Time released: %s", releases[b.Reason])
	case schedule.Joined:
		return f("加入候补", "Joined the waiting list")
	case schedule.Offered:
		return f("候补有位：%s，请于 %s 前答复", "Offered %s, to be answered by %s", domain.FormatTime(b.Start), domain.FormatTime(b.Until))
	case schedule.Skipped:
		return word("候补跳过：%s", "Passed by: %s", skips[b.Reason])
	case schedule.Accepted:
		return f("候补接受", "Offer accepted")
	case schedule.Left:
		return f("退出候补", "Left the waiting list")

	case access.Read:
		return word("查看%s"+because(b.Reason, "，"), "Looked at %s"+because(b.Reason, ", "), parts[b.What])
	case access.Refused:
		return word("查看%s被拒", "Was refused %s", parts[b.What])
	}
	return "", ""
}

// because is a reason behind what was done, safe within a format.
func because(reason, sep string) string {
	if reason == "" {
		return ""
	}
	return sep + strings.ReplaceAll(reason, "%", "%%")
}

var sources = map[booking.Source][2]string{booking.Desk: {"前台", "at the desk"}, booking.Online: {"家属网上预约", "online"}, booking.Import: {"导入", "imported"}}

var offices = map[booking.Office][2]string{booking.ForeignAffairs: {"外办", "foreign affairs office"}, booking.HKMacaoOffice: {"港澳办", "Hong Kong and Macao affairs office"},
	booking.TaiwanOffice: {"台办", "Taiwan affairs office"}}

var ceremonies = map[booking.Ceremony][2]string{booking.Vigil: {"守灵", "vigil"}, booking.Farewell: {"告别", "farewell"}, booking.Grooming: {"整容更衣", "grooming"}}

var reasons = map[booking.Reason][2]string{booking.FamilyWithdrew: {"家属不办了", "the family withdrew"}, booking.MovedElsewhere: {"改去别处", "moved elsewhere"},
	booking.Duplicate: {"重复登记", "entered twice"}, booking.EntryError: {"录入错误", "entry error"}}

var holds = map[cremation.HoldKind][2]string{cremation.HoldPolice: {"公安机关", "police"}, cremation.HoldCourt: {"法院", "court"}, cremation.HoldDispute: {"家属争议", "dispute"},
	cremation.HoldInfectionControl: {"传染病防控", "infection control"}, cremation.HoldIdentity: {"身份待查", "identity"}}

// HoldNames are the names of a kind of hold for people.
func HoldNames(k cremation.HoldKind) (zh, en string) { return holds[k][0], holds[k][1] }

var releases = map[schedule.Reason][2]string{schedule.Expired: {"暂留到时", "the hold ran out"}, schedule.Withdrawn: {"家属不要了", "the family does not want it"},
	schedule.Rescheduled: {"改期", "rescheduled"}, schedule.CaseEnded: {"业务取消", "the case was cancelled"}, schedule.OutOfService: {"设施停用", "out of service"}, schedule.Weather: {"天气", "weather"}}

var skips = map[schedule.SkipReason][2]string{schedule.NoAnswer: {"没有按时答复", "no answer in time"}, schedule.SaidNo: {"家属不要", "declined"}, schedule.NotWished: {"不合家属的时间", "not wished"},
	schedule.ShortNotice: {"太赶", "short notice"}, schedule.AlreadyAsked: {"已经问过", "asked already"}, schedule.HasAnOffer: {"正在答复另一个", "answering another offer"}}

var parts = map[access.What][2]string{access.File: {"业务单", "the case"}, access.Numbers: {"完整号码", "the full numbers"}, access.Paper: {"打印件", "a print"}, access.Handover: {"交接清单", "the handover list"}}

var fieldNames = map[booking.Field][2]string{booking.FieldName: {"逝者姓名", "name of the deceased"}, booking.FieldCitizenID: {"逝者身份证号", "ID number of the deceased"},
	booking.FieldDocument: {"逝者证件", "document of the deceased"}, booking.FieldSex: {"逝者性别", "sex of the deceased"}, booking.FieldBirth: {"出生日期", "date of birth"},
	booking.FieldDeathDate: {"死亡日期", "date of death"}, booking.FieldHukou: {"户籍", "place of registration"}, booking.FieldNationality: {"国籍", "nationality"},
	booking.FieldHandlerName: {"承办人姓名", "handler's name"}, booking.FieldPhone: {"承办人电话", "handler's phone"}, booking.FieldRelation: {"与逝者关系", "relation"},
	booking.FieldHandlerID: {"承办人证件号", "handler's ID number"}}
