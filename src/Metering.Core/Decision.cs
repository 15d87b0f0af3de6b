namespace Metering.Core;

/// <summary>What a look-up of an idempotency key in the ledger found, for keys that memory no longer holds.</summary>
/// <param name="LookedUpThrough">The last entry that the look-up covered; 0 where none was made.</param>
/// <param name="Found">The key's use in the last 24 hours; null for none.</param>
public readonly record struct KeyEvidence(long LookedUpThrough, KeyUse? Found);

/// <summary>What became of one record, before it is an answer.</summary>
/// <param name="Status">Whether it may be handed out.</param>
/// <param name="Charged">What the call charged for it.</param>
/// <param name="LastDay">The last day of the subscription that it rests on; null for none.</param>
public readonly record struct RecordVerdict(RecordStatus Status, Credits Charged, RecordDay? LastDay);

/// <summary>What an account decided. Exactly one of the cases holds.</summary>
public readonly struct Decision
{
    /// <summary>The command is refused; nothing changes.</summary>
    public Refusal? Refusal { get; private init; }

    /// <summary>The entry to append. Null where the command succeeded and moves nothing.</summary>
    public Entry? Entry { get; private init; }

    /// <summary>What has to be entered before <see cref="Entry"/>, in the same commit; null for nothing.</summary>
    public CreditExtended? Extension { get; private init; }

    /// <summary>The verdicts of a call for records.</summary>
    public RecordVerdict[]? Verdicts { get; private init; }

    /// <summary>The entry that answered this key before; 0 for none.</summary>
    public long ReplayOf { get; private init; }

    /// <summary>True where the key has to be looked up in the ledger first; decide again with the evidence.</summary>
    public bool MustLookUpKey { get; private init; }

    /// <summary>The key has to be looked up in the ledger.</summary>
    public static Decision LookUpKey => new() { MustLookUpKey = true };

    /// <summary>Nothing to append.</summary>
    /// <param name="verdicts">The verdicts.</param>
    public static Decision Nothing(RecordVerdict[] verdicts) => new() { Verdicts = verdicts };

    /// <summary>An entry to append.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="verdicts">The verdicts of a call for records.</param>
    /// <param name="extension">What has to be entered before it.</param>
    public static Decision Append(Entry entry, RecordVerdict[]? verdicts = null, CreditExtended? extension = null) =>
        new() { Entry = entry, Verdicts = verdicts, Extension = extension };

    /// <summary>The first answer again.</summary>
    /// <param name="sequence">The entry that holds it.</param>
    public static Decision Replay(long sequence) => new() { ReplayOf = sequence };

    /// <summary>A refusal.</summary>
    /// <param name="refusal">Why.</param>
    public static implicit operator Decision(Refusal refusal) => new() { Refusal = refusal };
}
