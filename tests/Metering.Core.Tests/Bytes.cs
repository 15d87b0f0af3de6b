namespace Metering.Core.Tests;

/// <summary>An encoded entry.</summary>
internal sealed record EncodedEntry(byte[] Facts, byte[] Texts)
{
    public Entry Decode() => EntryCodec.Decode(Facts, Texts);
}

/// <summary>The stored forms.</summary>
internal static class Bytes
{
    public static byte[] OfSnapshot(AccountState state)
    {
        var writer = new ByteWriter();
        SnapshotCodec.Encode(state, writer);
        return writer.Written.ToArray();
    }

    public static EncodedEntry OfEntry(Entry entry)
    {
        var (facts, texts) = (new ByteWriter(), new ByteWriter());
        EntryCodec.Encode(entry, facts, texts);
        return new(facts.Written.ToArray(), texts.Written.ToArray());
    }

    public static AccountState Rebuild(AccountId id, IEnumerable<EncodedEntry> entries)
    {
        var state = Account.New(id);
        foreach (var entry in entries)
        {
            Account.Evolve(state, entry.Decode());
        }

        return state;
    }
}
