using System.Security.Cryptography;
using Metering.Core;

namespace Metering.Benchmarks;

/// <summary>An account as the core sees it, for what is measured without an engine.</summary>
internal static class SampleAccount
{
    /// <summary>The instant of every decision.</summary>
    public static readonly DateTimeOffset Now = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly PlanTerms Terms = new("starter", Credits.Of(500), 1, false, AccessLevel.Trial);

    /// <summary>An open account with its allotment and as many permanent credits as fit.</summary>
    public static AccountState Open()
    {
        var state = Account.New(new("acct_sample"));
        Apply(state, new Open { Terms = Terms });
        Apply(state, new Core.Grant { Kind = TransactionType.Purchase, Amount = Credits.MaxAmount });
        return state;
    }

    /// <summary>A deduction with a key of its own.</summary>
    /// <param name="number">What the key is made of.</param>
    public static Deduct Deduction(ulong number)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(BitConverter.GetBytes(number), hash);
        return new()
        {
            Price = Credits.Of(12),
            Product = "lead.search",
            Quantity = 97,
            Description = "Lead search: Restaurants in US (97 results)",
            Key = new(BitConverter.ToUInt128(hash), number),
            Tag = number,
        };
    }

    /// <summary>Decides a command, due entries first, and changes the state by what was decided.</summary>
    /// <exception cref="InvalidOperationException">The account refused.</exception>
    public static Entry Apply(AccountState state, Command command)
    {
        EnterDue(state);
        var decision = Account.Decide(state, command, Now);
        if (decision.MustLookUpKey)
        {
            decision = Account.Decide(state, command, Now, new(state.Sequence, null)); // As if the ledger did not have it.
        }

        var entry = decision.Entry ?? throw new InvalidOperationException($"The sample account refused: {decision.Refusal?.Message}");
        Account.Evolve(state, entry);
        EnterDue(state);
        return entry;
    }

    private static void EnterDue(AccountState state)
    {
        while (Account.DecideDue(state, Now) is { } due)
        {
            Account.Evolve(state, due);
        }
    }
}
