namespace Metering.Core;

/// <content>The stored form of what happens to an account beside spending: status, debt, plan, subscriptions that an operator brings.</content>
public static partial class EntryCodec
{
    private static void EncodeAccountEntry(Entry entry, ByteWriter facts, ByteWriter texts)
    {
        switch (entry)
        {
            case StatusChanged changed:
                facts.Byte((byte)changed.Status);
                facts.Text(changed.Reason);
                break;
            case CreditLimitChanged changed:
                facts.Credits(changed.Limit);
                break;
            case CreditExtended extended:
                facts.Credits(extended.Extended);
                break;
            case CreditsTakenBack taken:
                facts.Credits(taken.Removed);
                EncodeBurns(taken.Burns, facts);
                facts.Credits(taken.AddedToDebt);
                facts.Credits(taken.OwedAfter);
                facts.Fixed128(taken.ExternalReference);
                break;
            case DebtSettled settled:
                facts.Credits(settled.Settled);
                EncodeBurns(settled.Burns, facts);
                break;
            case PlanChanged changed:
                facts.Text(changed.PreviousPlan);
                TermsCodec.Encode(changed.Terms, facts);
                facts.Unsigned((ulong)changed.Period);
                facts.Signed(changed.PeriodOffset);
                facts.Credits(changed.PeriodAllotment);
                EncodeBurns(changed.Kept, facts);
                facts.Time(changed.PaidThrough);
                facts.Fixed128(changed.ExternalReference);
                break;
            case PlanChangePlanned planned:
                facts.Text(planned.PreviousPlan);
                TermsCodec.EncodeOptional(planned.Terms, facts);
                facts.Credits(planned.MonthlyCredits);
                facts.Time(planned.EffectiveAt);
                facts.Fixed128(planned.ExternalReference);
                break;
            case CancellationChanged changed:
                facts.Time(changed.EndsAt);
                break;
            case RecordsStarted started:
                facts.Fixed128(started.ExternalReference);
                EncodeRecords(started.Records, facts, texts);
                break;
            default:
                throw new InvariantException($"There is no entry {entry.GetType().Name}.");
        }
    }

    private static Entry DecodeAccountEntry(Kind kind, ref ByteReader reader, ref ByteReader texts, in Header header) => kind switch
    {
        Kind.StatusChanged => new StatusChanged
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, Status = reader.Enumerated<AccountStatus>((int)AccountStatus.Closed + 1), Reason = reader.Text(),
        },
        Kind.CreditLimitChanged => new CreditLimitChanged
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, Limit = reader.Credits(),
        },
        Kind.CancellationChanged => new CancellationChanged
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, EndsAt = reader.OptionalTime(),
        },
        Kind.PlanChanged => new PlanChanged
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, PreviousPlan = reader.Text(), Terms = TermsCodec.Decode(ref reader), Period = reader.Period(),
            PeriodOffset = reader.Months(), PeriodAllotment = reader.Credits(), Kept = DecodeBurns(ref reader), PaidThrough = reader.OptionalTime(),
            ExternalReference = reader.Fixed128(),
        },
        Kind.PlanChangePlanned => new PlanChangePlanned
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, PreviousPlan = reader.Text(), Terms = TermsCodec.DecodeOptional(ref reader),
            MonthlyCredits = reader.Credits(),
            EffectiveAt = reader.Time(), ExternalReference = reader.Fixed128(),
        },
        Kind.RecordsStarted => new RecordsStarted
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, ExternalReference = reader.Fixed128(), Records = DecodeRecords(ref reader, ref texts),
        },
        Kind.CreditExtended or Kind.CreditsTakenBack or Kind.DebtSettled => DecodeDebt(kind, ref reader, Common.Read(ref reader, ref texts), header),
        _ => throw new LedgerFormatException($"{(byte)kind} is no kind of entry."),
    };

    private static TransactionEntry DecodeDebt(Kind kind, ref ByteReader reader, in Common common, in Header header) => kind switch
    {
        Kind.CreditExtended => new CreditExtended
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, Tag = common.Tag, BalanceAfter = common.BalanceAfter, Description = common.Description,
            Reference = common.Reference, Extended = reader.Credits(),
        },
        Kind.CreditsTakenBack => new CreditsTakenBack
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, Tag = common.Tag, BalanceAfter = common.BalanceAfter, Description = common.Description,
            Reference = common.Reference, Removed = reader.Credits(), Burns = DecodeBurns(ref reader), AddedToDebt = reader.Credits(),
            OwedAfter = reader.Credits(), ExternalReference = reader.Fixed128(),
        },
        _ => new DebtSettled
        {
            Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
            Key = header.Key, Answer = header.Answer, Tag = common.Tag, BalanceAfter = common.BalanceAfter, Description = common.Description,
            Reference = common.Reference, Settled = reader.Credits(), Burns = DecodeBurns(ref reader),
        },
    };
}
