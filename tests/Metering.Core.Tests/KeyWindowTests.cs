using System.Buffers.Binary;
using System.Security.Cryptography;
using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

/// <summary>Keys beyond what memory holds whole. Keys are hashes here, as they are in the product: filters rest on it.</summary>
public class KeyWindowTests
{
    [Fact]
    public void Beyond_the_budget_a_key_that_was_used_is_looked_up_until_24_hours_have_passed()
    {
        var account = new Scenario("2026-03-10");
        var first = account.Accept(Charge(-1));
        account.To("2026-03-10T06:00:00Z");
        Fill(account, 0, KeyWindow.Budget);
        Assert.InRange(account.State.Keys.Count, KeyWindow.Budget * 7 / 8, KeyWindow.Budget);
        foreach (var fromSnapshot in new[] { true, false })
        {
            account.Reload(fromSnapshot);
            Assert.True(account.Send(Charge(-1)).MustLookUpKey);
            Assert.NotEqual(0, account.Send(Kept(KeyWindow.Budget - 1)).ReplayOf);
        }

        // The look-up says what the key was used for; one that ended before the key's use says nothing.
        var through = account.State.Sequence;
        Assert.True(Account.Decide(account.State, Charge(-1), account.Now, new(first.Sequence - 1, null)).MustLookUpKey);
        Assert.NotNull(Account.Decide(account.State, Charge(-1), account.Now, new(through, null)).Entry);
        var found = new KeyEvidence(through, new KeyUse(1, first.Sequence));
        Assert.Equal(first.Sequence, Account.Decide(account.State, Charge(-1), account.Now, found).ReplayOf);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, Account.Decide(account.State, Charge(-1, request: 2), account.Now, found).Refusal!.Reason);

        Assert.True(account.To("2026-03-10T23:59:59.999Z").Send(Charge(-1)).MustLookUpKey);
        Assert.False(account.To("2026-03-11T06:00:00Z").Send(Charge(-1)).MustLookUpKey);
    }

    [Fact]
    public void No_key_of_24_hours_is_ever_taken_for_new_and_few_new_ones_for_old()
    {
        const int Used = KeyWindow.Budget * 6;
        var account = new Scenario("2026-03-10");
        for (var hour = 0; hour < 6; hour++)
        {
            account.To($"2026-03-10T{hour * 3:00}:00:00Z");
            Fill(account, hour * KeyWindow.Budget, KeyWindow.Budget);
        }

        account.Reload(fromSnapshot: true);
        var keys = account.State.Keys;
        Assert.Equal(0, keys.ForgottenThrough);
        Assert.Equal(Used, keys.Count + keys.FilteredCount);
        for (var id = 0; id < Used; id++)
        {
            Assert.True(keys.TryFind(KeyOf(id).Id, out _) || keys.MustLookUp(KeyOf(id).Id, 0, account.Now), $"Key {id} is taken for new.");
        }

        var mistaken = Enumerable.Range(Used, 100_000).Count(id => keys.MustLookUp(KeyOf(id).Id, 0, account.Now));
        Assert.InRange(mistaken, 0, 500); // 0.5 % at most; about 0.05 % are expected of half a dozen filters.
    }

    [Fact]
    public void A_window_of_many_keys_takes_bounded_memory_and_lets_go_of_it()
    {
        var account = new Scenario("2026-03-10");
        Fill(account, 0, KeyWindow.Budget * 8);
        Assert.InRange(account.State.Keys.Bytes, 0, (KeyWindow.Budget * 100L) + (KeyWindow.Budget * 8 * 6L));
        AcceptNew(account.To("2026-03-11"), -1);
        Assert.Equal((1, 0L), (account.State.Keys.Count, account.State.Keys.FilteredCount));
        Assert.InRange(account.State.Keys.Bytes, 0, 1_000);
        Assert.Equal(0, account.Send(Kept(0)).ReplayOf);
    }

    [Fact]
    public void Keys_are_found_however_they_come_and_go()
    {
        // Against a plain model: minutes with many keys, few, or none, so that segments and filters begin and end everywhere.
        var random = new Random(7);
        var (account, used) = (new Scenario("2026-03-10"), new Dictionary<int, DateTimeOffset>());
        for (var (step, next) = (0, 0); step < 400; step++)
        {
            account.To(account.Now.AddMinutes(random.Next(0, 30)).ToString("O"));
            for (var count = random.Next(3) == 0 ? random.Next(3_000) : random.Next(3); count > 0; count--)
            {
                used.Add(next, account.Now);
                AcceptNew(account, next++);
            }

            for (var probe = 0; probe < 50 && next > 0; probe++)
            {
                var id = random.Next(next);
                var decision = Account.Decide(account.State, Kept(id), account.Now);
                if (used[id] + KeyWindow.Kept > account.Now)
                {
                    Assert.True(decision.ReplayOf > 0 || decision.MustLookUpKey, $"Key {id} of {used[id]} is taken for new at {account.Now}.");
                }
            }

            if (random.Next(40) == 0)
            {
                account.Reload(fromSnapshot: true);
            }
        }

        account.Reload(fromSnapshot: false);
    }

    private static void Fill(Scenario account, int from, int count)
    {
        for (var id = from; id < from + count; id++)
        {
            AcceptNew(account, id);
        }
    }

    /// <summary>Uses a new key as the shell does: where a filter mistakes it for an old one, the ledger says that it is not.</summary>
    private static void AcceptNew(Scenario account, int id) => account.Accept(Kept(id), new(account.State.Sequence, null));

    private static KeepAnswer Kept(int id) => new() { Answer = default, Key = KeyOf(id) };

    private static Deduct Charge(int id, int request = 1) => new() { Price = Credits.Of(1), Key = KeyOf(id, request) };

    private static CommandKey KeyOf(int id, int request = 1) =>
        new(BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(BitConverter.GetBytes(id))), (UInt128)request);
}
