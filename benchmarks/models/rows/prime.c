/* benchmarks.models.primality.is_prime, in C. */
int is_prime(long long n) {
    if (n < 5) return n == 2 || n == 3;
    if (n % 2 == 0 || n % 3 == 0) return 0;
    for (long long divisor = 5; divisor * divisor <= n; divisor += 6)
        if (n % divisor == 0 || n % (divisor + 2) == 0) return 0;
    return 1;
}
