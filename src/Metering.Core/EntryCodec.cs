namespace Metering.Core;

/// <summary>
/// The stored form of an entry, the same on every store: facts, and the erasable texts apart from them. The chain covers the facts
/// and a digest of the texts, so that texts can be erased later without breaking it (design, "Hash chain").
/// </summary>
public static partial class EntryCodec
{
    /// <summary>The version that this build writes; the first byte of every entry's facts.</summary>
    public const byte Version = 1;

    private enum Kind : byte
    {
        AccountOpened = 1,
        PeriodStarted = 2,
        PaymentRecorded = 3,
        AnswerKept = 4,
        CreditsGranted = 5,
        CreditsSpent = 6,
        CreditsRemoved = 7,
        CreditsRefunded = 8,
        Checkpoint = 9,
        RecordsVisited = 10,
        StatusChanged = 11,
        CreditLimitChanged = 12,
        CreditExtended = 13,
        CreditsTakenBack = 14,
        DebtSettled = 15,
        PlanChanged = 16,
        PlanChangePlanned = 17,
        CancellationChanged = 18,
        RecordsStarted = 19,
    }

    private const int TransactionTypes = (int)TransactionType.Release + 1;

    /// <summary>Writes an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="facts">Takes the facts, appended.</param>
    /// <param name="texts">Takes the texts, appended; nothing where the entry has none.</param>
    public static void Encode(Entry entry, ByteWriter facts, ByteWriter texts)
    {
        facts.Byte(Version);
        facts.Byte((byte)KindOf(entry));
        facts.Unsigned((ulong)entry.Sequence);
        facts.Unsigned((ulong)entry.TransactionNumber);
        facts.Time(entry.CreatedAt);
        facts.Signed((entry.AppliedAt - entry.CreatedAt).Ticks / TimeSpan.TicksPerMillisecond);
        facts.Byte(entry.Key is null ? (byte)0 : (byte)1);
        if (entry.Key is { } key)
        {
            facts.Fixed128(key.Id);
            facts.Fixed128(key.Request);
            facts.Bytes(entry.Answer.Span);
        }

        if (entry is TransactionEntry transaction)
        {
            facts.Fixed64(transaction.Tag);
            facts.Credits(transaction.BalanceAfter);
            if (transaction.Description.Length > 0 || transaction.Reference is not null || entry is CreditsSpent { Records.Length: > 0 })
            {
                texts.Text(transaction.Description);
                texts.OptionalText(transaction.Reference);
            }
        }

        EncodeBody(entry, facts, texts);
    }

    /// <summary>Reads an entry.</summary>
    /// <param name="facts">The facts.</param>
    /// <param name="texts">The texts; empty where there are none or where they were erased.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged or of a newer version.</exception>
    public static Entry Decode(ReadOnlySpan<byte> facts, ReadOnlySpan<byte> texts)
    {
        var reader = new ByteReader(facts);
        var version = reader.Byte();
        if (version != Version)
        {
            throw new LedgerFormatException($"An entry has format version {version}; this build reads version {Version}.");
        }

        var kind = (Kind)reader.Byte();
        var header = Header.Read(ref reader);
        var textReader = new ByteReader(texts);
        var entry = kind switch
        {
            Kind.AccountOpened => DecodeOpened(ref reader, header),
            Kind.PeriodStarted => new PeriodStarted
            {
                Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
                Key = header.Key, Answer = header.Answer, Period = reader.Period(),
            },
            Kind.PaymentRecorded => new PaymentRecorded
            {
                Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
                Key = header.Key, Answer = header.Answer, PaidThrough = reader.Time(), ExternalReference = reader.Fixed128(),
            },
            Kind.AnswerKept => new AnswerKept
            {
                Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
                Key = header.Key, Answer = header.Answer,
            },
            Kind.Checkpoint => new Checkpoint
            {
                Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
                Key = header.Key, Answer = header.Answer, Point = CheckpointPoint.Decode(ref reader),
            },
            Kind.RecordsVisited => new RecordsVisited
            {
                Sequence = header.Sequence, TransactionNumber = header.TransactionNumber, CreatedAt = header.CreatedAt, AppliedAt = header.AppliedAt,
                Key = header.Key, Answer = header.Answer, SeenAt = reader.Time(), Records = DecodeRecords(ref reader, ref textReader),
            },
            Kind.CreditsGranted => DecodeGranted(ref reader, ref textReader, header),
            Kind.CreditsSpent => DecodeSpent(ref reader, ref textReader, header),
            Kind.CreditsRemoved => DecodeRemoved(ref reader, ref textReader, header),
            Kind.CreditsRefunded => (Entry)DecodeRefunded(ref reader, ref textReader, header),
            _ => DecodeAccountEntry(kind, ref reader, ref textReader, header),
        };
        return reader.AtEnd && textReader.AtEnd ? entry : throw new LedgerFormatException("Bytes follow the end of an entry.");
    }

    private static Kind KindOf(Entry entry) => entry switch
    {
        AccountOpened => Kind.AccountOpened,
        PeriodStarted => Kind.PeriodStarted,
        PaymentRecorded => Kind.PaymentRecorded,
        AnswerKept => Kind.AnswerKept,
        CreditsGranted => Kind.CreditsGranted,
        CreditsSpent => Kind.CreditsSpent,
        CreditsRemoved => Kind.CreditsRemoved,
        CreditsRefunded => Kind.CreditsRefunded,
        Checkpoint => Kind.Checkpoint,
        RecordsVisited => Kind.RecordsVisited,
        StatusChanged => Kind.StatusChanged,
        CreditLimitChanged => Kind.CreditLimitChanged,
        CreditExtended => Kind.CreditExtended,
        CreditsTakenBack => Kind.CreditsTakenBack,
        DebtSettled => Kind.DebtSettled,
        PlanChanged => Kind.PlanChanged,
        PlanChangePlanned => Kind.PlanChangePlanned,
        CancellationChanged => Kind.CancellationChanged,
        RecordsStarted => Kind.RecordsStarted,
        _ => throw new InvariantException($"There is no entry {entry.GetType().Name}."),
    };

    private static void EncodeBody(Entry entry, ByteWriter facts, ByteWriter texts)
    {
        switch (entry)
        {
            case AccountOpened opened:
                TermsCodec.Encode(opened.Terms, facts);
                facts.Time(opened.Anchor);
                facts.Unsigned((ulong)opened.Period);
                facts.Time(opened.PaidThrough);
                break;
            case PeriodStarted started:
                facts.Unsigned((ulong)started.Period);
                break;
            case PaymentRecorded payment:
                facts.Time(payment.PaidThrough);
                facts.Fixed128(payment.ExternalReference);
                break;
            case AnswerKept:
                break;
            case Checkpoint checkpoint:
                checkpoint.Point.Encode(facts);
                break;
            case RecordsVisited visited:
                facts.Time(visited.SeenAt);
                EncodeRecords(visited.Records, facts, texts);
                break;
            case CreditsGranted granted:
                facts.Byte((byte)granted.Kind);
                facts.Byte((byte)granted.Bucket);
                facts.Credits(granted.Granted);
                facts.Time(granted.ExpiresAt);
                facts.Fixed128(granted.ExternalReference);
                break;
            case CreditsSpent spent:
                facts.Credits(spent.Charged);
                EncodeBurns(spent.Burns, facts);
                facts.OptionalText(spent.Product);
                facts.Signed(spent.Quantity ?? -1);
                EncodeRecords(spent.Records, facts, texts);
                break;
            case CreditsRemoved removed:
                facts.Byte((byte)removed.Kind);
                facts.Credits(removed.Removed);
                EncodeBurns(removed.Burns, facts);
                break;
            case CreditsRefunded refunded:
                facts.Unsigned((ulong)refunded.RefundOf);
                facts.Credits(refunded.Refunded);
                EncodeBurns(refunded.Restored, facts);
                facts.Credits(refunded.UnusedMonthly);
                facts.Credits(refunded.UnusedCarried);
                EncodeRecords(refunded.EndedRecords, facts, null);
                break;
            default:
                EncodeAccountEntry(entry, facts, texts);
                break;
        }
    }

    private static void EncodeBurns(Burn[] burns, ByteWriter facts)
    {
        facts.Unsigned((ulong)burns.Length);
        foreach (ref readonly var burn in burns.AsSpan())
        {
            BurnCodec.Encode(burn, facts);
        }
    }

    private static Burn[] DecodeBurns(ref ByteReader reader)
    {
        var burns = new Burn[reader.Count(BurnCodec.MinBytes)];
        for (var index = 0; index < burns.Length; index++)
        {
            burns[index] = BurnCodec.Decode(ref reader);
        }

        return burns;
    }

    private static void EncodeRecords(RecordStart[] records, ByteWriter facts, ByteWriter? texts)
    {
        facts.Unsigned((ulong)records.Length);
        foreach (ref readonly var record in records.AsSpan())
        {
            facts.Fixed128(record.Key.Value);
            facts.Day(record.LastDay);
            texts?.Text(record.Type);
            texts?.Text(record.Id);
        }
    }

    private static RecordStart[] DecodeRecords(ref ByteReader reader, ref ByteReader texts)
    {
        var records = new RecordStart[reader.Count(18)];
        for (var index = 0; index < records.Length; index++)
        {
            var (key, lastDay) = (new RecordKey(reader.Fixed128()), reader.Day());
            records[index] = texts.AtEnd ? new(key, lastDay, string.Empty, string.Empty) : new(key, lastDay, texts.Text(), texts.Text());
        }

        return records;
    }

    private static AccountOpened DecodeOpened(ref ByteReader reader, in Header header) => new()
    {
        Sequence = header.Sequence,
        TransactionNumber = header.TransactionNumber,
        CreatedAt = header.CreatedAt,
        AppliedAt = header.AppliedAt,
        Key = header.Key,
        Answer = header.Answer,
        Terms = TermsCodec.Decode(ref reader),
        Anchor = reader.Time(),
        Period = reader.Period(),
        PaidThrough = reader.OptionalTime(),
    };

    private static CreditsGranted DecodeGranted(ref ByteReader reader, ref ByteReader texts, in Header header)
    {
        var common = Common.Read(ref reader, ref texts);
        return new()
        {
            Sequence = header.Sequence,
            TransactionNumber = header.TransactionNumber,
            CreatedAt = header.CreatedAt,
            AppliedAt = header.AppliedAt,
            Key = header.Key,
            Answer = header.Answer,
            Tag = common.Tag,
            BalanceAfter = common.BalanceAfter,
            Description = common.Description,
            Reference = common.Reference,
            Kind = reader.Enumerated<TransactionType>(TransactionTypes),
            Bucket = reader.Enumerated<Bucket>(3),
            Granted = reader.Credits(),
            ExpiresAt = reader.OptionalTime(),
            ExternalReference = reader.Fixed128(),
        };
    }

    private static CreditsSpent DecodeSpent(ref ByteReader reader, ref ByteReader texts, in Header header)
    {
        var common = Common.Read(ref reader, ref texts);
        var (charged, burns, product, quantity) = (reader.Credits(), DecodeBurns(ref reader), reader.OptionalText(), reader.Signed());
        return new()
        {
            Sequence = header.Sequence,
            TransactionNumber = header.TransactionNumber,
            CreatedAt = header.CreatedAt,
            AppliedAt = header.AppliedAt,
            Key = header.Key,
            Answer = header.Answer,
            Tag = common.Tag,
            BalanceAfter = common.BalanceAfter,
            Description = common.Description,
            Reference = common.Reference,
            Charged = charged,
            Burns = burns,
            Product = product,
            Quantity = quantity < 0 ? null : quantity,
            Records = DecodeRecords(ref reader, ref texts),
        };
    }

    private static CreditsRemoved DecodeRemoved(ref ByteReader reader, ref ByteReader texts, in Header header)
    {
        var common = Common.Read(ref reader, ref texts);
        return new()
        {
            Sequence = header.Sequence,
            TransactionNumber = header.TransactionNumber,
            CreatedAt = header.CreatedAt,
            AppliedAt = header.AppliedAt,
            Key = header.Key,
            Answer = header.Answer,
            Tag = common.Tag,
            BalanceAfter = common.BalanceAfter,
            Description = common.Description,
            Reference = common.Reference,
            Kind = reader.Enumerated<TransactionType>(TransactionTypes),
            Removed = reader.Credits(),
            Burns = DecodeBurns(ref reader),
        };
    }

    private static CreditsRefunded DecodeRefunded(ref ByteReader reader, ref ByteReader texts, in Header header)
    {
        var common = Common.Read(ref reader, ref texts);
        var noTexts = default(ByteReader);
        return new()
        {
            Sequence = header.Sequence,
            TransactionNumber = header.TransactionNumber,
            CreatedAt = header.CreatedAt,
            AppliedAt = header.AppliedAt,
            Key = header.Key,
            Answer = header.Answer,
            Tag = common.Tag,
            BalanceAfter = common.BalanceAfter,
            Description = common.Description,
            Reference = common.Reference,
            RefundOf = reader.Number(),
            Refunded = reader.Credits(),
            Restored = DecodeBurns(ref reader),
            UnusedMonthly = reader.Credits(),
            UnusedCarried = reader.Credits(),
            EndedRecords = DecodeRecords(ref reader, ref noTexts),
        };
    }

    private readonly record struct Header(
        long Sequence, long TransactionNumber, DateTimeOffset CreatedAt, DateTimeOffset AppliedAt, CommandKey? Key, ReadOnlyMemory<byte> Answer)
    {
        public static Header Read(ref ByteReader reader)
        {
            var (sequence, number, createdAt) = (reader.Number(), reader.Number(), reader.Time());
            var appliedAt = reader.TimeAfter(createdAt);
            return reader.Flag()
                ? new(sequence, number, createdAt, appliedAt, new(reader.Fixed128(), reader.Fixed128()), reader.Bytes().ToArray())
                : new(sequence, number, createdAt, appliedAt, null, default);
        }
    }

    private readonly record struct Common(ulong Tag, Credits BalanceAfter, string Description, string? Reference)
    {
        public static Common Read(ref ByteReader reader, ref ByteReader texts)
        {
            var (tag, balance) = (reader.Fixed64(), reader.Credits());
            return texts.AtEnd ? new(tag, balance, string.Empty, null) : new(tag, balance, texts.Text(), texts.OptionalText());
        }
    }
}

/// <summary>The stored form of a burn.</summary>
internal static class BurnCodec
{
    public const int MinBytes = 4;

    public static void Encode(in Burn burn, ByteWriter writer)
    {
        writer.Unsigned((ulong)burn.Grant);
        writer.Byte((byte)burn.Bucket);
        writer.Credits(burn.Amount);
        writer.Time(burn.ExpiresAt);
    }

    public static Burn Decode(ref ByteReader reader) => new(reader.Number(), reader.Enumerated<Bucket>(3), reader.Credits(), reader.OptionalTime());
}

/// <summary>The stored form of plan terms.</summary>
internal static class TermsCodec
{
    public static void Encode(PlanTerms terms, ByteWriter writer)
    {
        writer.Text(terms.Plan);
        writer.Credits(terms.Allotment);
        writer.Byte((byte)terms.PeriodMonths);
        writer.Byte(terms.Unlimited ? (byte)1 : (byte)0);
        writer.Byte((byte)terms.Level);
    }

    public static void EncodeOptional(PlanTerms? terms, ByteWriter writer)
    {
        writer.Byte(terms is null ? (byte)0 : (byte)1);
        if (terms is not null)
        {
            Encode(terms, writer);
        }
    }

    public static PlanTerms? DecodeOptional(ref ByteReader reader) => reader.Flag() ? Decode(ref reader) : null;

    public static PlanTerms Decode(ref ByteReader reader)
    {
        var (plan, allotment, months) = (reader.Text(), reader.Credits(), reader.Byte());
        if (months is not (1 or 12))
        {
            throw new LedgerFormatException($"A period of {months} months is neither a month nor a year.");
        }

        return new(plan, allotment, months, reader.Flag(), reader.Enumerated<AccessLevel>((int)AccessLevel.Platform + 1));
    }
}
