using System.Security.Cryptography;
using System.Text;

namespace Metering.Core;

/// <summary>
/// The stored form of a whole state: what activation begins from, so that it need not replay every entry. A snapshot is only a
/// shortcut: the ledger is the truth, and a snapshot of another version or that cannot be read is passed over. No hash chain covers
/// it, so it ends with a checksum of its own: a damaged one must never become a balance. Equal states have equal bytes, so
/// that a verification can compare them.
/// </summary>
public static class SnapshotCodec
{
    /// <summary>
    /// The version that this build writes. An account whose first entries are archived begins with a state of the version that
    /// its checkpoint names, for which no entries are left: a later build goes on reading every version that a release could archive with.
    /// </summary>
    public const int Version = 3;

    /// <summary>The first version that this build reads: before status, debt and changes of plan.</summary>
    public const int OldestVersion = 2;

    private const int ChecksumBytes = SHA256.HashSizeInBytes;

    /// <summary>Writes a state.</summary>
    /// <param name="state">The state.</param>
    /// <param name="writer">Takes the bytes, appended.</param>
    public static void Encode(AccountState state, ByteWriter writer)
    {
        var start = writer.Length;
        EncodeBody(state, writer);
        Checksum(state.Id, Version, writer.Written.Span[start..]).CopyTo(writer.Take(ChecksumBytes));
    }

    private static void EncodeBody(AccountState state, ByteWriter writer)
    {
        writer.Unsigned((ulong)state.Sequence);
        writer.Unsigned((ulong)state.TransactionNumber);
        writer.Time(state.LastAppliedAt);
        writer.Time(state.LastCreatedAt);
        TermsCodec.Encode(state.Terms, writer);
        writer.Time(state.Anchor);
        writer.Unsigned((ulong)state.Period);
        writer.Time(state.PeriodEnd);
        writer.Unsigned((ulong)(state.GrantedPeriod + 1)); // -1 for none yet.
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
        foreach (var (number, refunded) in state.Refunds.OrderBy(refund => refund.Key))
        {
            writer.Unsigned((ulong)number);
            writer.Credits(refunded);
        }

        writer.Unsigned((ulong)state.ExternalReferences.Count);
        foreach (var reference in state.ExternalReferences.Order())
        {
            writer.Fixed128(reference);
        }

        EncodeSettings(state, writer);
        EncodeRecords(state, writer);
        EncodeKeys(state.Keys, writer);
    }

    private static void EncodeSettings(AccountState state, ByteWriter writer)
    {
        writer.Signed(state.PeriodOffset);
        writer.Credits(state.PeriodAllotment);
        writer.Time(state.EndsAt);
        TermsCodec.EncodeOptional(state.PlannedTerms, writer);
        writer.Byte((byte)state.Status);
        writer.Text(state.StatusReason);
        writer.Credits(state.CreditLimit);
        writer.Credits(state.Owed);
    }

    private static void DecodeSettings(AccountState state, int version, ref ByteReader reader)
    {
        if (version == OldestVersion)
        {
            state.PeriodAllotment = state.Terms.Allotment;
            return;
        }

        state.PeriodOffset = reader.Months();
        state.PeriodAllotment = reader.Credits();
        state.EndsAt = reader.OptionalTime();
        state.PlannedTerms = TermsCodec.DecodeOptional(ref reader);
        state.Status = reader.Enumerated<AccountStatus>((int)AccountStatus.Closed + 1);
        state.StatusReason = reader.Text();
        state.CreditLimit = reader.Credits();
        state.Owed = reader.Credits();
    }

    /// <summary>Reads a state.</summary>
    /// <param name="id">The account.</param>
    /// <param name="snapshot">The bytes.</param>
    /// <param name="version">The version that they were written in.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged, another account's, or of a version that this build does not read.</exception>
    public static AccountState Decode(AccountId id, ReadOnlySpan<byte> snapshot, int version = Version)
    {
        if (version is < OldestVersion or > Version)
        {
            throw new LedgerFormatException($"A snapshot of account {id} is of version {version}; this build reads versions {OldestVersion} to {Version}.");
        }

        if (snapshot.Length < ChecksumBytes || !Checksum(id, version, snapshot[..^ChecksumBytes]).AsSpan().SequenceEqual(snapshot[^ChecksumBytes..]))
        {
            throw new LedgerFormatException($"A snapshot of account {id} does not match its checksum.");
        }

        var reader = new ByteReader(snapshot[..^ChecksumBytes]);
        var state = new AccountState(id)
        {
            Sequence = reader.Number(),
            TransactionNumber = reader.Number(),
            LastAppliedAt = reader.Time(),
            LastCreatedAt = reader.Time(),
            Terms = TermsCodec.Decode(ref reader),
            Anchor = reader.Time(),
            Period = reader.Period(),
            PeriodEnd = reader.Time(),
            GrantedPeriod = reader.Period() - 1,
            PaidThrough = reader.OptionalTime(),
            Held = reader.Credits(),
            UsedMonthly = reader.Credits(),
            UsedCarried = reader.Credits(),
            LastResetAt = reader.Time(),
            WindowSequence = reader.Number(),
            NextDue = reader.Time(),
        };
        for (var count = reader.Count(BurnCodec.MinBytes); count > 0; count--)
        {
            state.Grants.Give(BurnCodec.Decode(ref reader));
        }

        for (var count = reader.Count(2); count > 0; count--)
        {
            state.Refunds.Add(reader.Number(), reader.Credits());
        }

        for (var count = reader.Count(16); count > 0; count--)
        {
            state.ExternalReferences.Add(reader.Fixed128());
        }

        DecodeSettings(state, version, ref reader);
        DecodeRecords(state, ref reader);
        DecodeKeys(state.Keys, ref reader);
        return reader.AtEnd ? state : throw new LedgerFormatException("Bytes follow the end of a snapshot.");
    }

    private static void EncodeRecords(AccountState state, ByteWriter writer)
    {
        var today = RecordDay.Of(state.LastAppliedAt);
        var active = state.Records.ActiveOn(today).ToArray();

        // Not in the table's own order: a smaller table that is filled in a larger one's order while it grows has its keys in clumps,
        // and filling it takes quadratic time. The order of whole keys is random to the low bits that choose a slot.
        Array.Sort(active, static (left, right) => left.Key.Value.CompareTo(right.Key.Value));
        writer.Unsigned((ulong)active.Length);
        foreach (var (key, lastDay) in active)
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
        writer.Unsigned((ulong)keys.Filters.Count);
        foreach (var filter in keys.Filters)
        {
            filter.Encode(writer);
        }

        writer.Unsigned((ulong)keys.Segments.Count);
        var number = 0;
        foreach (var segment in keys.Segments)
        {
            writer.Time(segment.Oldest);
            writer.Time(segment.Newest);
            writer.Unsigned((ulong)segment.LastSequence);
            writer.Unsigned((ulong)segment.Count);
            for (var end = number + segment.Count; number < end; number++)
            {
                var (key, sequence) = keys.Table[number];
                writer.Fixed128(key.Id);
                writer.Fixed128(key.Request);
                writer.Unsigned((ulong)sequence);
            }
        }
    }

    private static void DecodeKeys(KeyWindow keys, ref ByteReader reader)
    {
        keys.Restore(reader.Number(), reader.Time());
        for (var filters = reader.Count(5); filters > 0; filters--)
        {
            keys.Restore(KeyFilter.Decode(ref reader));
        }

        for (var segments = reader.Count(4); segments > 0; segments--)
        {
            var (oldest, newest, lastSequence) = (reader.Time(), reader.Time(), reader.Number());
            var uses = new (CommandKey Key, long Sequence)[reader.Count(33)];
            for (var index = 0; index < uses.Length; index++)
            {
                uses[index] = (new(reader.Fixed128(), reader.Fixed128()), reader.Number());
            }

            keys.Restore(new(oldest, newest, lastSequence, uses.Length), uses);
        }
    }

    private static byte[] Checksum(AccountId account, int version, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"metering snapshot {version}\0{account.Value}\0"));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }
}
