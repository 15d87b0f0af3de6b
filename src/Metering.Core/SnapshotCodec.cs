namespace Metering.Core;

/// <summary>
/// The stored form of a whole state: what activation begins from, so that it need not replay every entry. A snapshot is only a
/// shortcut: the ledger is the truth, and a snapshot of another version or that cannot be read is passed over.
/// </summary>
public static class SnapshotCodec
{
    /// <summary>The version that this build writes and reads.</summary>
    public const int Version = 1;

    /// <summary>Writes a state.</summary>
    /// <param name="state">The state.</param>
    /// <param name="writer">Takes the bytes, appended.</param>
    public static void Encode(AccountState state, ByteWriter writer)
    {
        writer.Unsigned((ulong)state.Sequence);
        writer.Unsigned((ulong)state.TransactionNumber);
        writer.Time(state.LastAppliedAt);
        writer.Time(state.LastCreatedAt);
        TermsCodec.Encode(state.Terms, writer);
        writer.Time(state.Anchor);
        writer.Unsigned((ulong)state.Period);
        writer.Time(state.PeriodEnd);
        writer.Signed(state.GrantedPeriod);
        writer.Time(state.PaidThrough);
        writer.Credits(state.Held);
        writer.Credits(state.UsedMonthly);
        writer.Credits(state.UsedCarried);
        writer.Time(state.LastResetAt);
        writer.Unsigned((ulong)state.WindowSequence);
        writer.Time(state.NextDue);
        writer.Unsigned((ulong)state.Grants.InSpendOrder.Count);
        foreach (var grant in state.Grants.InSpendOrder)
        {
            BurnCodec.Encode(grant, writer);
        }

        writer.Unsigned((ulong)state.Refunds.Count);
        foreach (var (number, refunded) in state.Refunds)
        {
            writer.Unsigned((ulong)number);
            writer.Credits(refunded);
        }

        writer.Unsigned((ulong)state.ExternalReferences.Count);
        foreach (var reference in state.ExternalReferences)
        {
            writer.Fixed128(reference);
        }

        EncodeRecords(state, writer);
        EncodeKeys(state.Keys, writer);
    }

    /// <summary>Reads a state.</summary>
    /// <param name="id">The account.</param>
    /// <param name="snapshot">The bytes.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged.</exception>
    public static AccountState Decode(AccountId id, ReadOnlySpan<byte> snapshot)
    {
        var reader = new ByteReader(snapshot);
        var state = new AccountState(id)
        {
            Sequence = (long)reader.Unsigned(),
            TransactionNumber = (long)reader.Unsigned(),
            LastAppliedAt = reader.Time(),
            LastCreatedAt = reader.Time(),
            Terms = TermsCodec.Decode(ref reader),
            Anchor = reader.Time(),
            Period = checked((int)reader.Unsigned()),
            PeriodEnd = reader.Time(),
            GrantedPeriod = checked((int)reader.Signed()),
            PaidThrough = reader.OptionalTime(),
            Held = reader.Credits(),
            UsedMonthly = reader.Credits(),
            UsedCarried = reader.Credits(),
            LastResetAt = reader.Time(),
            WindowSequence = (long)reader.Unsigned(),
            NextDue = reader.Time(),
        };
        for (var count = reader.Count(BurnCodec.MinBytes); count > 0; count--)
        {
            state.Grants.Give(BurnCodec.Decode(ref reader));
        }

        for (var count = reader.Count(2); count > 0; count--)
        {
            state.Refunds.Add((long)reader.Unsigned(), reader.Credits());
        }

        for (var count = reader.Count(16); count > 0; count--)
        {
            state.ExternalReferences.Add(reader.Fixed128());
        }

        DecodeRecords(state, ref reader);
        DecodeKeys(state.Keys, ref reader);
        return reader.AtEnd ? state : throw new LedgerFormatException("Bytes follow the end of a snapshot.");
    }

    private static void EncodeRecords(AccountState state, ByteWriter writer)
    {
        var today = RecordDay.Of(state.LastAppliedAt);
        writer.Unsigned((ulong)state.Records.ActiveOn(today).Count());
        foreach (var (key, lastDay) in state.Records.ActiveOn(today))
        {
            writer.Fixed128(key.Value);
            writer.Day(lastDay);
        }
    }

    private static void DecodeRecords(AccountState state, ref ByteReader reader)
    {
        var today = RecordDay.Of(state.LastAppliedAt);
        for (var count = reader.Count(18); count > 0; count--)
        {
            state.Records.Set(new(reader.Fixed128()), reader.Day(), today);
        }
    }

    private static void EncodeKeys(KeyWindow keys, ByteWriter writer)
    {
        writer.Unsigned((ulong)keys.ForgottenThrough);
        writer.Time(keys.ForgottenNewest);
        writer.Unsigned((ulong)keys.Segments.Count);
        foreach (var segment in keys.Segments)
        {
            writer.Time(segment.Oldest);
            writer.Time(segment.Newest);
            writer.Unsigned((ulong)segment.LastSequence);
            writer.Unsigned((ulong)segment.Uses.Count);
            foreach (var (id, use) in segment.Uses)
            {
                writer.Fixed128(id);
                writer.Fixed128(use.Request);
                writer.Unsigned((ulong)use.Sequence);
            }
        }
    }

    private static void DecodeKeys(KeyWindow keys, ref ByteReader reader)
    {
        keys.Restore((long)reader.Unsigned(), reader.Time());
        for (var segments = reader.Count(4); segments > 0; segments--)
        {
            var segment = new KeyWindow.Segment(reader.Time());
            var (newest, lastSequence) = (reader.Time(), (long)reader.Unsigned());
            for (var uses = reader.Count(33); uses > 0; uses--)
            {
                segment.Add(new(reader.Fixed128(), reader.Fixed128()), (long)reader.Unsigned(), newest);
            }

            segment.Restore(newest, lastSequence);
            keys.Restore(segment);
        }
    }
}
