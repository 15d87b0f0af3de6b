namespace Metering.Core;

/// <summary>Kinds of credits, in the order of spending (contract, rules of the pool, 1). The numbers are part of the stored format.</summary>
public enum Bucket : byte
{
    /// <summary>Bonus: soonest expiry first, then oldest.</summary>
    Bonus = 0,

    /// <summary>The period's allotment.</summary>
    Monthly = 1,

    /// <summary>Permanent: oldest first.</summary>
    Permanent = 2,
}

/// <summary>A part of one grant: what was taken from it or given back to it.</summary>
/// <param name="Grant">The grant's number: the sequence of the entry that made it.</param>
/// <param name="Bucket">The grant's bucket.</param>
/// <param name="Amount">How much, above zero.</param>
/// <param name="ExpiresAt">The grant's expiry; null for never.</param>
public readonly record struct Burn(long Grant, Bucket Bucket, Credits Amount, DateTimeOffset? ExpiresAt);

/// <summary>
/// The grants of an account that have something left, kept in the order of spending. Not safe for concurrent use: it belongs to one
/// <see cref="AccountState"/>.
/// </summary>
public sealed class Grants
{
    private readonly List<Burn> inSpendOrder = [];

    /// <summary>Bonus credits left.</summary>
    public Credits Bonus { get; private set; }

    /// <summary>Credits of the period's allotment left.</summary>
    public Credits Monthly { get; private set; }

    /// <summary>Permanent credits left.</summary>
    public Credits Permanent { get; private set; }

    /// <summary>All credits left.</summary>
    public Credits Total => Bonus + Monthly + Permanent;

    /// <summary>The grants with what is left of each, in the order of spending.</summary>
    public IReadOnlyList<Burn> InSpendOrder => inSpendOrder;

    /// <summary>When the first of them ends; the end of time where none does.</summary>
    public DateTimeOffset NextExpiry { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>The grant that ends first, with what is left of it; null where none ends.</summary>
    public Burn? NextToExpire
    {
        get
        {
            Burn? next = null;
            foreach (var grant in inSpendOrder)
            {
                if (grant.ExpiresAt is not null && (next is null || grant.ExpiresAt < next.Value.ExpiresAt))
                {
                    next = grant;
                }
            }

            return next;
        }
    }

    /// <summary>What is taken from which grant where one grant goes first. Changes nothing.</summary>
    /// <param name="amount">At most <see cref="Total"/>.</param>
    /// <param name="first">The number of the grant that goes first; one that has nothing left goes nowhere.</param>
    public Burn[] Plan(Credits amount, long first)
    {
        var index = inSpendOrder.FindIndex(grant => grant.Grant == first);
        if (index < 0 || amount.IsZero)
        {
            return Plan(amount);
        }

        return Plan(amount, inSpendOrder.Where(grant => grant.Grant == first).Concat(inSpendOrder.Where(grant => grant.Grant != first)));
    }

    /// <summary>
    /// What is taken from which grant where a permanent one that nobody can name any more goes first: the permanent ones, oldest first, then the
    /// others in the order of spending. Changes nothing.
    /// </summary>
    /// <param name="amount">At most <see cref="Total"/>.</param>
    public Burn[] PlanPermanentFirst(Credits amount) =>
        amount.IsZero ? [] : Plan(amount, inSpendOrder.Where(grant => grant.Bucket == Bucket.Permanent).Concat(inSpendOrder.Where(grant => grant.Bucket != Bucket.Permanent)));

    /// <summary>What is taken from which grant of the allotment. Changes nothing.</summary>
    /// <param name="amount">At most <see cref="Monthly"/>.</param>
    public Burn[] PlanMonthly(Credits amount) => amount.IsZero ? [] : Plan(amount, inSpendOrder.Where(grant => grant.Bucket == Bucket.Monthly));

    /// <summary>What a spending of <paramref name="amount"/> takes from which grant. Changes nothing.</summary>
    /// <param name="amount">At most <see cref="Total"/>.</param>
    public Burn[] Plan(Credits amount)
    {
        if (amount.IsZero)
        {
            return [];
        }

        if (inSpendOrder.Count > 0 && inSpendOrder[0].Amount >= amount)
        {
            return [inSpendOrder[0] with { Amount = amount }];
        }

        return Plan(amount, inSpendOrder);
    }

    private static Burn[] Plan(Credits amount, IEnumerable<Burn> grants)
    {
        var burns = new List<Burn>();
        foreach (var grant in grants)
        {
            var part = Credits.Min(grant.Amount, amount);
            burns.Add(grant with { Amount = part });
            amount -= part;
            if (amount.IsZero)
            {
                return [.. burns];
            }
        }

        throw new InvariantException("A spending was planned above the balance.");
    }

    /// <summary>Takes from a grant.</summary>
    /// <param name="burn">What to take; the grant has at least that.</param>
    public void Take(Burn burn)
    {
        var index = IndexOf(burn.Grant, burn.Bucket);
        Invariant.Holds(index >= 0, "A burn names a grant that has nothing left.");
        var left = inSpendOrder[index].Amount - burn.Amount;
        Invariant.Holds(!left.IsNegative, "A grant never goes below zero.");
        if (left.IsZero)
        {
            inSpendOrder.RemoveAt(index);
            NextExpiry = NextToExpire?.ExpiresAt ?? DateTimeOffset.MaxValue;
        }
        else
        {
            inSpendOrder[index] = inSpendOrder[index] with { Amount = left };
        }

        AddToSum(burn.Bucket, -burn.Amount);
    }

    /// <summary>Adds a grant, or gives back to one.</summary>
    /// <param name="part">The grant with what is added.</param>
    public void Give(Burn part)
    {
        Invariant.Holds(part.Amount.IsPositive, "What is given is above zero.");
        var index = IndexOf(part.Grant, part.Bucket);
        if (index >= 0)
        {
            inSpendOrder[index] = inSpendOrder[index] with { Amount = inSpendOrder[index].Amount + part.Amount };
        }
        else
        {
            var at = inSpendOrder.FindIndex(other => ComesBefore(part, other));
            inSpendOrder.Insert(at < 0 ? inSpendOrder.Count : at, part);
            NextExpiry = NextToExpire?.ExpiresAt ?? DateTimeOffset.MaxValue;
        }

        AddToSum(part.Bucket, part.Amount);
    }

    private static bool ComesBefore(in Burn left, in Burn right)
    {
        if (left.Bucket != right.Bucket)
        {
            return left.Bucket < right.Bucket;
        }

        if (left.Bucket == Bucket.Bonus && left.ExpiresAt != right.ExpiresAt)
        {
            return right.ExpiresAt is null || left.ExpiresAt < right.ExpiresAt;
        }

        return left.Grant < right.Grant;
    }

    private int IndexOf(long grant, Bucket bucket)
    {
        for (var index = 0; index < inSpendOrder.Count; index++)
        {
            if (inSpendOrder[index].Grant == grant && inSpendOrder[index].Bucket == bucket)
            {
                return index;
            }
        }

        return -1;
    }

    private void AddToSum(Bucket bucket, Credits amount)
    {
        switch (bucket)
        {
            case Bucket.Bonus:
                Bonus += amount;
                break;
            case Bucket.Monthly:
                Monthly += amount;
                break;
            case Bucket.Permanent:
                Permanent += amount;
                break;
            default:
                throw new InvariantException($"There is no bucket {bucket}.");
        }
    }
}
