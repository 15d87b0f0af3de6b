using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Gateway.Tests;

/// <summary>Puts tampered stores in place of a host's own.</summary>
internal static class TamperedStores
{
    /// <summary>Gives some calls of a store another answer, as a disk that fails or another process at the same time does.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="tamper">What a call of the store answers instead; null for the store's own answer.</param>
    public static void Tamper<T>(this IServiceCollection services, Func<T, MethodInfo, object?[], object?> tamper)
        where T : class
    {
        var own = services.Last(service => service.ServiceType == typeof(T)).ImplementationFactory!;
        services.AddSingleton(provider =>
        {
            var store = DispatchProxy.Create<T, TamperedStore<T>>();
            ((TamperedStore<T>)(object)store).Begin((T)own(provider), tamper);
            return store;
        });
    }
}

/// <summary>One of a host's stores, tampered with.</summary>
public class TamperedStore<T> : DispatchProxy
    where T : class
{
    private T inner = null!;
    private Func<T, MethodInfo, object?[], object?> tamper = null!;

    internal void Begin(T store, Func<T, MethodInfo, object?[], object?> tampering) => (inner, tamper) = (store, tampering);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        try
        {
            return tamper(inner, targetMethod!, args!) ?? targetMethod!.Invoke(inner, args);
        }
        catch (TargetInvocationException exception)
        {
            throw exception.InnerException!;
        }
    }
}
