using BenchmarkDotNet.Attributes;
using Metering.Core;

namespace Metering.Benchmarks;

/// <summary>The pure parts of a deduction.</summary>
[MemoryDiagnoser]
public class CoreBenchmarks
{
    private const int KeysInWindow = 10_000;

    private readonly ByteWriter facts = new(4_096);
    private readonly ByteWriter texts = new(4_096);
    private readonly ChainHasher hasher = new();
    private readonly Deduct withoutKey = new() { Price = Credits.Of(12), Product = "lead.search", Quantity = 97, Description = "Lead search: Restaurants in US (97 results)" };
    private AccountState account = SampleAccount.Open();
    private AccountState keyed = SampleAccount.Open();
    private Entry entry = null!;
    private byte[] entryFacts = [];
    private byte[] entryTexts = [];
    private ulong number;

    /// <summary>An account with keys, and an entry's bytes.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        account = SampleAccount.Open();
        keyed = SampleAccount.Open();
        for (number = 1; number <= KeysInWindow; number++)
        {
            entry = SampleAccount.Apply(keyed, SampleAccount.Deduction(number));
        }

        EntryCodec.Encode(entry, facts, texts);
        (entryFacts, entryTexts) = (facts.Written.ToArray(), texts.Written.ToArray());
    }

    /// <summary>Decides a deduction and changes the state by it.</summary>
    [Benchmark]
    public long DecideAndEvolve()
    {
        var decision = Account.Decide(account, withoutKey, SampleAccount.Now);
        Account.Evolve(account, decision.Entry!);
        return account.Sequence;
    }

    /// <summary>Looks a key up that is not there: what every new call does.</summary>
    [Benchmark]
    public bool KeyWindowMiss() => keyed.Keys.TryFind(new UInt128(++number, number), out _);

    /// <summary>Writes a deduction's entry.</summary>
    [Benchmark]
    public int EncodeEntry()
    {
        facts.Clear();
        texts.Clear();
        EntryCodec.Encode(entry, facts, texts);
        return facts.Length;
    }

    /// <summary>Reads a deduction's entry.</summary>
    [Benchmark]
    public object DecodeEntry() => EntryCodec.Decode(entryFacts, entryTexts);

    /// <summary>The link of a commit group of one entry.</summary>
    [Benchmark]
    public ulong ChainLinkOfOne()
    {
        hasher.Begin(default);
        hasher.Add(entryFacts, entryTexts);
        return hasher.End().A;
    }

    /// <summary>The link of a commit group of 64 entries.</summary>
    [Benchmark]
    public ulong ChainLinkOf64()
    {
        hasher.Begin(default);
        for (var index = 0; index < 64; index++)
        {
            hasher.Add(entryFacts, entryTexts);
        }

        return hasher.End().A;
    }
}
